package backbone

var vggFiles, vggNormFiles, squeezenetFiles, densenetFiles, regnetFiles, convnextFiles, resnetV2Files []Published
