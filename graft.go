// Package graft makes image classifiers by transfer learning: a folder of labelled photos in, one plain
// ONNX file out, on a CPU.
//
// Train removes the classifier of a network trained on ImageNet, freezes what remains, trains a new head on
// the features of your pictures, and measures the result on pictures it never saw. Open reads the written
// model back, and Model.Predict classifies with it. The cmd/graft program is a thin layer over this package.
package graft
