package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/graft-ml/graft"
)

// addBackbone adds the flags that choose the network and say how pictures are prepared for it.
func addBackbone(f *pflag.FlagSet, b *graft.Backbone) {
	f.StringVar(&b.Name, "backbone", "", "a name of graft backbones list, or a weights file (default: the embedded graft_s)")
	addFacts(f, b)
	f.StringVar(&b.Cut, "cut", "", `tensor that is the feature; "none": the file's own output (default: before the classifier)`)
	f.StringSliceVar(&b.Depths, "depth", nil, `end the network earlier: 1, 2 … from the input on, or a tensor; several, as 3,4,5 or all, side by side`)
	addHub(f, &b.Hub)
}

// addFacts adds the flags for what a weights file does not say of itself.
func addFacts(f *pflag.FlagSet, b *graft.Backbone) {
	f.StringVar(&b.Arch, "arch", "", "architecture of a weights file that is not a published one, as resnet50")
	f.StringVar(&b.Layout, "layout", "", "its arithmetic where its arrays leave it open, as timm-tf")
	f.StringVar(&b.InputMode, "input-mode", "", "scaling the network was trained with: tf, torch, unit, lite, caffe or raw")
	f.Var((*floats)(&b.Mean), "mean", "mean R,G,B on the 0–255 scale, instead of --input-mode")
	f.Var((*floats)(&b.Std), "std", "standard deviation R,G,B on the 0–255 scale")
	f.IntVar(&b.Size, "size", 0, "input size in pixels (default: the file's)")
	f.StringVar(&b.Resize, "resize", "", "stretch, crop or letterbox (default: the file's, else stretch)")
	f.IntVar(&b.Short, "short", 0, "with --resize crop: short side before the centre is cut (default: the input size)")
	f.StringVar(&b.Filter, "filter", "", "bilinear, bicubic or nearest (default: the file's, else bilinear)")
}

// addHub adds the flags that say where published weights are kept and come from.
func addHub(f *pflag.FlagSet, h *graft.Hub) {
	addStore(f, h)
	f.BoolVar(&h.Offline, "offline", false, "fetch no weights")
	f.StringVar(&h.Mirror, "mirror", "", "URL that stands for the publishers' hosts")
	if token := os.Getenv("HF_TOKEN"); token != "" {
		h.Tokens = map[string]string{"huggingface.co": token}
	}
}

func addStore(f *pflag.FlagSet, h *graft.Hub) {
	f.StringVar(&h.Store, "store", "", "folder of published weights (default: graft/backbones in the user's cache folder)")
}

// addReading adds the flags that bound how pictures are found and decoded.
func addReading(f *pflag.FlagSet, r *graft.Reading) {
	f.StringSliceVar(&r.Exclude, "exclude", nil, "class to leave out (repeatable)")
	addFeatures(f, r)
}

// addFeatures adds the flags of every verb that computes features.
func addFeatures(f *pflag.FlagSet, r *graft.Reading) {
	addDecoding(f, r)
	f.StringVar(&r.Cache, "cache", "", "folder of the feature cache (default: graft/features in the user's cache folder)")
	f.BoolVar(&r.NoCache, "no-cache", false, "neither read nor write the feature cache")
}

// addDecoding adds the flags of every verb that decodes pictures.
func addDecoding(f *pflag.FlagSet, r *graft.Reading) {
	f.IntVar(&r.MaxPixels, "max-pixels", 0, "refuse larger pictures (default 256 megapixels)")
	f.StringVar(&r.MaxBad, "max-bad", "", "pictures that may fail before the run stops: N or P% (default: the larger of 10 and 5%)")
	f.IntVar(&r.Threads, "threads", 0, "workers (default: all cores)")
	addExactDecode(f, &r.ExactDecode)
}

func addExactDecode(f *pflag.FlagSet, exact *bool) {
	f.BoolVar(exact, "exact-decode", false, "decode large JPEGs to all their pixels (slower)")
}

// addHead adds the flags of what is trained.
func addHead(f *pflag.FlagSet, h *graft.Head) {
	f.IntVar(&h.Epochs, "epochs", 0, "epochs at most (default 30)")
	f.IntVar(&h.Batch, "batch", 0, "pictures a step (default 32)")
	f.IntVar(&h.Patience, "patience", 0, "epochs without a better validation loss before stopping (default 5)")
	f.StringVar(&h.Kind, "head", "", "dense, nearest-mean, cosine or kmeans (default dense: layers that are trained)")
	f.IntVar(&h.Clusters, "clusters", 0, "clusters of a kmeans head (default: chosen by validation)")
	f.Var((*ints)(&h.Hidden), "hidden", "widths of hidden layers, as 256 or 256,128 (default: none, a linear head)")
	f.StringVar(&h.Activation, "activation", "", "of hidden layers: relu or gelu (default relu)")
	f.Float64Var(&h.Dropout, "dropout", 0, "share dropped behind each hidden layer; of a linear head, of the features")
	f.StringVar(&h.Optimizer, "optimizer", "", "adam, adamw, lamb, sgd or lbfgs (default adam)")
	f.Float64Var(&h.LearningRate, "lr", 0, "learning rate (default 0.001, for sgd 0.01)")
	f.Float64Var(&h.Momentum, "momentum", 0, "of sgd")
	f.BoolVar(&h.Nesterov, "nesterov", false, "use Nesterov's form of momentum")
	f.Float64Var(&h.WeightDecay, "weight-decay", 0, "weight decay; for lbfgs the L2 penalty")
	f.StringVar(&h.Schedule, "schedule", "", "of the learning rate: constant, step, cosine or one-cycle (default constant)")
	f.IntVar(&h.Warmup, "warmup", 0, "epochs of linear warm-up")
	f.Float64Var(&h.LabelSmoothing, "label-smoothing", 0, "share of the target spread over all classes")
	f.StringVar(&h.ClassWeights, "class-weights", "", "of the loss: auto, balanced or none (default auto: balanced above an imbalance of 3:1)")
	f.StringVar(&h.Sampling, "sampling", "", "of training pictures: none, balanced (classes equally often), or auto, above 3:1 and in place of weights (default none)")
	f.BoolVar(&h.NoStandardise, "no-standardise", false, "train on the features as they are")
}

// addTuning adds the flags of how the network itself is trained.
func addTuning(f *pflag.FlagSet, t *graft.Tuning) {
	f.IntVar(&t.Epochs, "tune-epochs", 0, "epochs of the network's training (default 10, from scratch 30)")
	f.IntVar(&t.Stages, "tune-stages", 0, "last stages that train: throughout (partial), or before all do (finetune) (default 1)")
	f.StringVar(&t.Optimizer, "tune-optimizer", "", "adamw, adam, lamb or sgd (default adamw)")
	f.Float64Var(&t.LearningRate, "tune-lr", 0, "learning rate (default 0.0002, for sgd 0.01; from scratch 0.001 and 0.1)")
	f.Float64Var(&t.LayerDecay, "layer-decay", 0, "what each stage further from the head multiplies the rate by (default 0.7, from scratch 1)")
	f.Float64Var(&t.Momentum, "tune-momentum", 0, "of sgd (default 0.9)")
	f.BoolVar(&t.Nesterov, "tune-nesterov", false, "use Nesterov's form of momentum")
	f.Float64Var(&t.WeightDecay, "tune-weight-decay", 0, "of weights alone (default 0.01, for sgd and adam 0.0001; below 0: none)")
	f.StringVar(&t.Schedule, "tune-schedule", "", "of each phase: cosine, one-cycle, step or constant (default cosine)")
	f.IntVar(&t.Warmup, "tune-warmup", 0, "epochs of each phase through which the rate rises (default a tenth of its steps; below 0: none)")
	f.IntVar(&t.Batch, "tune-batch", 0, "pictures a step (default 32)")
	f.IntVar(&t.MicroBatch, "micro-batch", 0, "pictures computed at a time, for less memory (default: the batch)")
	f.IntVar(&t.Patience, "tune-patience", 0, "epochs without a better validation loss that end a phase (default 5; below 0: never)")
	f.Float64Var(&t.ClipNorm, "clip-norm", 0, "largest norm of the gradient (default: none)")
	f.Float64Var(&t.Average, "average", 0, "decay of a moving average of the weights, as 0.999 (default: none)")
	f.StringVar(&t.BatchNorm, "batch-norm", "", "statistics of batch normalisations: frozen or batch (default frozen, from scratch batch)")
	f.StringVar(&t.Precision, "tune-precision", "", "of the convolutions that train: f32 or bf16 (default f32; the weights and the model are f32 in any case)")
	f.Var((*size)(&t.MemoryMB), "memory", "memory that training may take, as 2GB; with less it takes more time (default: no limit)")
	f.Var((*size)(&t.CacheMB), "tune-cache", "disk for what the frozen stages give (partial) (default 20GB; below 0: none)")
	f.DurationVar(&t.CheckpointEvery, "checkpoint-every", 0, "time between checkpoints within an epoch (default 10m)")
}

// addTeacher adds the flags of what the network learns from beside the labels.
func addTeacher(f *pflag.FlagSet, t *graft.Teacher) {
	f.StringVar(&t.Name, "teacher", "", "network to learn from too: a model.onnx of the same classes, or what --backbone takes")
	f.Float64Var(&t.Weight, "teacher-weight", 0, "share of the loss that its logits have (default 0.5; below 0: none)")
	f.Float64Var(&t.Temperature, "teacher-temperature", 0, "what both logits are divided by (default 4)")
	f.Float64Var(&t.Features, "teacher-features", 0, "weight of the distance to its features (default: none)")
}

// floats is a flag of numbers separated by commas.
type floats []float32

func (v *floats) Type() string { return "R,G,B" }

func (v *floats) String() string {
	var parts []string
	for _, x := range *v {
		parts = append(parts, strconv.FormatFloat(float64(x), 'g', -1, 32))
	}
	return strings.Join(parts, ",")
}

func (v *floats) Set(s string) error {
	*v = nil
	for part := range strings.SplitSeq(s, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			return fmt.Errorf("%q is not a number", part)
		}
		*v = append(*v, float32(x))
	}
	return nil
}

// ints is a flag of whole numbers separated by commas; "0" is an empty list.
type ints []int

func (v *ints) Type() string { return "N,N" }
func (v *ints) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(*v)), " ", ","), "[]")
}

func (v *ints) Set(s string) error {
	*v = nil
	if s == "0" {
		return nil
	}
	for part := range strings.SplitSeq(s, ",") {
		x, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("%q is not a whole number", part)
		}
		*v = append(*v, x)
	}
	return nil
}
