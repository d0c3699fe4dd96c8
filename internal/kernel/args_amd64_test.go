//go:build !purego

package kernel

import (
	"testing"
	"unsafe"

	"github.com/graft-ml/graft/internal/kernel/asm"
)

// The assembly looks for the arguments where Go puts them.
func TestConvArgsLayout(t *testing.T) {
	var a convArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.ConvSrc}, {"dst", unsafe.Offsetof(a.dst), asm.ConvDst}, {"res", unsafe.Offsetof(a.res), asm.ConvRes},
		{"srcStep", unsafe.Offsetof(a.srcStep), asm.ConvSrcStep}, {"dstStep", unsafe.Offsetof(a.dstStep), asm.ConvDstStep},
		{"resStep", unsafe.Offsetof(a.resStep), asm.ConvResStep}, {"weights", unsafe.Offsetof(a.weights), asm.ConvWeights},
		{"rows", unsafe.Offsetof(a.rows), asm.ConvRows}, {"cols", unsafe.Offsetof(a.cols), asm.ConvCols}, {"length", unsafe.Offsetof(a.length), asm.ConvLen},
		{"colGap", unsafe.Offsetof(a.colGap), asm.ConvColGap}, {"rowGap", unsafe.Offsetof(a.rowGap), asm.ConvRowGap},
		{"lo", unsafe.Offsetof(a.lo), asm.ConvLo}, {"hi", unsafe.Offsetof(a.hi), asm.ConvHi}, {"partial", unsafe.Offsetof(a.partial), asm.ConvPartial},
		{"lanes", unsafe.Offsetof(a.lanes), asm.ConvLanes}, {"mask", unsafe.Offsetof(a.mask), asm.ConvMask}, {"next", unsafe.Offsetof(a.next), asm.ConvNext}, {"span", unsafe.Offsetof(a.span), asm.ConvSpan}, {"size", unsafe.Sizeof(a), asm.ConvSize},
		{"pixels of a group", groupPixels, asm.GroupPixels},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestInt8ArgsLayout(t *testing.T) {
	var a int8Args
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.Int8Src}, {"dst", unsafe.Offsetof(a.dst), asm.Int8Dst}, {"res", unsafe.Offsetof(a.res), asm.Int8Res},
		{"sums", unsafe.Offsetof(a.sums), asm.Int8Sums}, {"weights", unsafe.Offsetof(a.weights), asm.Int8Weights},
		{"offsets", unsafe.Offsetof(a.offsets), asm.Int8Offsets}, {"groups", unsafe.Offsetof(a.groups), asm.Int8Groups},
		{"count", unsafe.Offsetof(a.count), asm.Int8Count}, {"dstAt", unsafe.Offsetof(a.dstAt), asm.Int8DstAt},
		{"resAt", unsafe.Offsetof(a.resAt), asm.Int8ResAt}, {"start", unsafe.Offsetof(a.start), asm.Int8Start}, {"scale", unsafe.Offsetof(a.scale), asm.Int8Scale},
		{"bias", unsafe.Offsetof(a.bias), asm.Int8Bias}, {"hasRes", unsafe.Offsetof(a.hasRes), asm.Int8HasRes}, {"float", unsafe.Offsetof(a.float), asm.Int8Float},
		{"next", unsafe.Offsetof(a.next), asm.Int8Next}, {"lo", unsafe.Offsetof(a.lo), asm.Int8Lo}, {"hi", unsafe.Offsetof(a.hi), asm.Int8Hi},
		{"resScale", unsafe.Offsetof(a.resScale), asm.Int8ResScale}, {"zero", unsafe.Offsetof(a.zero), asm.Int8Zero}, {"resZero", unsafe.Offsetof(a.resZero), asm.Int8ResZero},
		{"ones", unsafe.Offsetof(a.ones), asm.Int8Ones}, {"order", unsafe.Offsetof(a.order), asm.Int8Order}, {"size", unsafe.Sizeof(a), asm.Int8Size},
		{"units of a group", maxGroup, asm.Int8Group},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestBF16ArgsLayout(t *testing.T) {
	var a bf16Args
	var h halvesArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.BF16Src}, {"dst", unsafe.Offsetof(a.dst), asm.BF16Dst}, {"res", unsafe.Offsetof(a.res), asm.BF16Res},
		{"weights", unsafe.Offsetof(a.weights), asm.BF16Weights}, {"offsets", unsafe.Offsetof(a.offsets), asm.BF16Offsets},
		{"units", unsafe.Offsetof(a.units), asm.BF16Units}, {"start", unsafe.Offsetof(a.start), asm.BF16Start}, {"partial", unsafe.Offsetof(a.partial), asm.BF16Partial},
		{"lo", unsafe.Offsetof(a.lo), asm.BF16Lo}, {"hi", unsafe.Offsetof(a.hi), asm.BF16Hi}, {"mode", unsafe.Offsetof(a.mode), asm.BF16Mode},
		{"saved", unsafe.Offsetof(a.saved), asm.BF16Saved}, {"upper", unsafe.Offsetof(a.upper), asm.BF16Upper}, {"mask", unsafe.Offsetof(a.mask), asm.BF16Mask},
		{"size", unsafe.Sizeof(a), asm.BF16Size},

		{"halves src", unsafe.Offsetof(h.src), asm.HalvesSrc}, {"halves dst", unsafe.Offsetof(h.dst), asm.HalvesDst},
		{"blocks", unsafe.Offsetof(h.blocks), asm.HalvesBlocks}, {"one", unsafe.Offsetof(h.one), asm.HalvesOne}, {"round", unsafe.Offsetof(h.round), asm.HalvesRound},
		{"quiet", unsafe.Offsetof(h.quiet), asm.HalvesQuiet}, {"abs", unsafe.Offsetof(h.abs), asm.HalvesAbs}, {"least", unsafe.Offsetof(h.least), asm.HalvesLeast},
		{"sign", unsafe.Offsetof(h.sign), asm.HalvesSign}, {"order", unsafe.Offsetof(h.order), asm.HalvesOrder}, {"halves size", unsafe.Sizeof(h), asm.HalvesSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestLowArgsLayout(t *testing.T) {
	var a lowArgs
	var b bytesArgs
	var d depthInt8Args
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.LowSrc}, {"dst", unsafe.Offsetof(a.dst), asm.LowDst}, {"res", unsafe.Offsetof(a.res), asm.LowRes},
		{"srcStep", unsafe.Offsetof(a.srcStep), asm.LowSrcStep}, {"dstStep", unsafe.Offsetof(a.dstStep), asm.LowDstStep},
		{"resStep", unsafe.Offsetof(a.resStep), asm.LowResStep}, {"weights", unsafe.Offsetof(a.weights), asm.LowWeights},
		{"offsets", unsafe.Offsetof(a.offsets), asm.LowOffsets}, {"units", unsafe.Offsetof(a.units), asm.LowUnits}, {"start", unsafe.Offsetof(a.start), asm.LowStart},
		{"scale", unsafe.Offsetof(a.scale), asm.LowScale}, {"bias", unsafe.Offsetof(a.bias), asm.LowBias}, {"float", unsafe.Offsetof(a.float), asm.LowFloat},
		{"lo", unsafe.Offsetof(a.lo), asm.LowLo}, {"hi", unsafe.Offsetof(a.hi), asm.LowHi}, {"resScale", unsafe.Offsetof(a.resScale), asm.LowResScale},
		{"zero", unsafe.Offsetof(a.zero), asm.LowZero}, {"resZero", unsafe.Offsetof(a.resZero), asm.LowResZero}, {"lanes", unsafe.Offsetof(a.lanes), asm.LowLanes},
		{"resFloat", unsafe.Offsetof(a.resFloat), asm.LowResFloat}, {"size", unsafe.Sizeof(a), asm.LowSize},

		{"bytes src", unsafe.Offsetof(b.src), asm.BytesSrc}, {"bytes dst", unsafe.Offsetof(b.dst), asm.BytesDst}, {"blocks", unsafe.Offsetof(b.blocks), asm.BytesBlocks},
		{"bytes scale", unsafe.Offsetof(b.scale), asm.BytesScale}, {"srcZero", unsafe.Offsetof(b.srcZero), asm.BytesSrcZero}, {"bytes lo", unsafe.Offsetof(b.lo), asm.BytesLo},
		{"bytes hi", unsafe.Offsetof(b.hi), asm.BytesHi}, {"bytes zero", unsafe.Offsetof(b.zero), asm.BytesZero}, {"bytes order", unsafe.Offsetof(b.order), asm.BytesOrder},
		{"rows", unsafe.Offsetof(b.rows), asm.BytesRows}, {"cols", unsafe.Offsetof(b.cols), asm.BytesCols}, {"colStep", unsafe.Offsetof(b.colStep), asm.BytesColStep},
		{"rowGap", unsafe.Offsetof(b.rowGap), asm.BytesRowGap}, {"bytes size", unsafe.Sizeof(b), asm.BytesSize},

		{"depthwise src", unsafe.Offsetof(d.src), asm.DepthInt8Src}, {"depthwise dst", unsafe.Offsetof(d.dst), asm.DepthInt8Dst},
		{"depthwise srcStep", unsafe.Offsetof(d.srcStep), asm.DepthInt8SrcStep}, {"depthwise dstStep", unsafe.Offsetof(d.dstStep), asm.DepthInt8DstStep},
		{"pixels", unsafe.Offsetof(d.pixels), asm.DepthInt8Pixels}, {"quads", unsafe.Offsetof(d.quads), asm.DepthInt8Quads},
		{"depthwise offsets", unsafe.Offsetof(d.offsets), asm.DepthInt8Offsets}, {"depthwise weights", unsafe.Offsetof(d.weights), asm.DepthInt8Weights},
		{"weightStep", unsafe.Offsetof(d.weightStep), asm.DepthInt8WeightStep}, {"depthwise start", unsafe.Offsetof(d.start), asm.DepthInt8Start},
		{"depthwise scale", unsafe.Offsetof(d.scale), asm.DepthInt8Scale}, {"depthwise bias", unsafe.Offsetof(d.bias), asm.DepthInt8Bias},
		{"depthwise lo", unsafe.Offsetof(d.lo), asm.DepthInt8Lo}, {"depthwise hi", unsafe.Offsetof(d.hi), asm.DepthInt8Hi},
		{"depthwise zero", unsafe.Offsetof(d.zero), asm.DepthInt8Zero}, {"depthwise ones", unsafe.Offsetof(d.ones), asm.DepthInt8Ones},
		{"depthwise single", unsafe.Offsetof(d.single), asm.DepthInt8Single}, {"depthwise size", unsafe.Sizeof(d), asm.DepthInt8Size},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestDepthwiseArgsLayout(t *testing.T) {
	var a depthwiseArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.DepthSrc}, {"dst", unsafe.Offsetof(a.dst), asm.DepthDst}, {"res", unsafe.Offsetof(a.res), asm.DepthRes},
		{"srcStep", unsafe.Offsetof(a.srcStep), asm.DepthSrcStep}, {"dstStep", unsafe.Offsetof(a.dstStep), asm.DepthDstStep},
		{"resStep", unsafe.Offsetof(a.resStep), asm.DepthResStep}, {"weights", unsafe.Offsetof(a.weights), asm.DepthWeights},
		{"weightStep", unsafe.Offsetof(a.weightStep), asm.DepthWeightStep}, {"rows", unsafe.Offsetof(a.rows), asm.DepthRows},
		{"cols", unsafe.Offsetof(a.cols), asm.DepthCols}, {"colStep", unsafe.Offsetof(a.colStep), asm.DepthColStep},
		{"rowGap", unsafe.Offsetof(a.rowGap), asm.DepthRowGap}, {"blocks", unsafe.Offsetof(a.blocks), asm.DepthBlocks},
		{"tail", unsafe.Offsetof(a.tail), asm.DepthTail}, {"lo", unsafe.Offsetof(a.lo), asm.DepthLo}, {"hi", unsafe.Offsetof(a.hi), asm.DepthHi},
		{"lanes", unsafe.Offsetof(a.lanes), asm.DepthLanes}, {"mask", unsafe.Offsetof(a.mask), asm.DepthMask}, {"size", unsafe.Sizeof(a), asm.DepthSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestWinogradArgsLayout(t *testing.T) {
	var a winogradArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.WinogradSrc}, {"dst", unsafe.Offsetof(a.dst), asm.WinogradDst}, {"tmp", unsafe.Offsetof(a.tmp), asm.WinogradTmp},
		{"slab", unsafe.Offsetof(a.slab), asm.WinogradSlab}, {"row", unsafe.Offsetof(a.row), asm.WinogradRow},
		{"pixel", unsafe.Offsetof(a.pixel), asm.WinogradPixel}, {"blocks", unsafe.Offsetof(a.blocks), asm.WinogradBlocks},
		{"coef", unsafe.Offsetof(a.coef), asm.WinogradCoef}, {"res", unsafe.Offsetof(a.res), asm.WinogradRes},
		{"resRow", unsafe.Offsetof(a.resRow), asm.WinogradResRow}, {"resPixel", unsafe.Offsetof(a.resPixel), asm.WinogradResPixel},
		{"bias", unsafe.Offsetof(a.bias), asm.WinogradBias}, {"rows", unsafe.Offsetof(a.rows), asm.WinogradRows}, {"cols", unsafe.Offsetof(a.cols), asm.WinogradCols},
		{"lo", unsafe.Offsetof(a.lo), asm.WinogradLo}, {"hi", unsafe.Offsetof(a.hi), asm.WinogradHi}, {"size", unsafe.Sizeof(a), asm.WinogradSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestGradArgsLayout(t *testing.T) {
	var a gradArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.GradSrc}, {"dy", unsafe.Offsetof(a.dy), asm.GradDY}, {"dst", unsafe.Offsetof(a.dst), asm.GradDst},
		{"images", unsafe.Offsetof(a.images), asm.GradImages}, {"rows", unsafe.Offsetof(a.rows), asm.GradRows}, {"cols", unsafe.Offsetof(a.cols), asm.GradCols},
		{"step", unsafe.Offsetof(a.step), asm.GradStep}, {"rowGap", unsafe.Offsetof(a.rowGap), asm.GradRowGap},
		{"imageGap", unsafe.Offsetof(a.imageGap), asm.GradImageGap}, {"panels", unsafe.Offsetof(a.panels), asm.GradPanels},
		{"panelLen", unsafe.Offsetof(a.panelLen), asm.GradPanelLen}, {"size", unsafe.Sizeof(a), asm.GradSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestPoolGradArgsLayout(t *testing.T) {
	var a poolGradArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"dx", unsafe.Offsetof(a.dx), asm.PoolGradDX}, {"dy", unsafe.Offsetof(a.dy), asm.PoolGradDY}, {"x", unsafe.Offsetof(a.x), asm.PoolGradX}, {"y", unsafe.Offsetof(a.y), asm.PoolGradY},
		{"step", unsafe.Offsetof(a.step), asm.PoolGradStep}, {"pixels", unsafe.Offsetof(a.pixels), asm.PoolGradPixels}, {"rows", unsafe.Offsetof(a.rows), asm.PoolGradRows},
		{"cols", unsafe.Offsetof(a.cols), asm.PoolGradCols}, {"colStep", unsafe.Offsetof(a.colStep), asm.PoolGradColStep}, {"rowGap", unsafe.Offsetof(a.rowGap), asm.PoolGradRowGap},
		{"blocks", unsafe.Offsetof(a.blocks), asm.PoolGradBlocks}, {"tail", unsafe.Offsetof(a.tail), asm.PoolGradTail}, {"mask", unsafe.Offsetof(a.mask), asm.PoolGradMask},
		{"lanes", unsafe.Offsetof(a.lanes), asm.PoolGradLanes}, {"divisor", unsafe.Offsetof(a.divisor), asm.PoolGradDivisor}, {"size", unsafe.Sizeof(a), asm.PoolGradSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}

func TestDepthGradArgsLayout(t *testing.T) {
	var a depthGradArgs
	for _, f := range []struct {
		name      string
		got, want uintptr
	}{
		{"src", unsafe.Offsetof(a.src), asm.DepthGradSrc}, {"dy", unsafe.Offsetof(a.dy), asm.DepthGradDY}, {"sum", unsafe.Offsetof(a.sum), asm.DepthGradSum},
		{"sumStep", unsafe.Offsetof(a.sumStep), asm.DepthGradSumStep}, {"colStep", unsafe.Offsetof(a.colStep), asm.DepthGradColStep}, {"rows", unsafe.Offsetof(a.rows), asm.DepthGradRows},
		{"cols", unsafe.Offsetof(a.cols), asm.DepthGradCols}, {"srcStep", unsafe.Offsetof(a.srcStep), asm.DepthGradSrcStep}, {"dyStep", unsafe.Offsetof(a.dyStep), asm.DepthGradDYStep},
		{"srcGap", unsafe.Offsetof(a.srcGap), asm.DepthGradSrcGap}, {"dyGap", unsafe.Offsetof(a.dyGap), asm.DepthGradDYGap}, {"blocks", unsafe.Offsetof(a.blocks), asm.DepthGradBlocks},
		{"tail", unsafe.Offsetof(a.tail), asm.DepthGradTail}, {"mask", unsafe.Offsetof(a.mask), asm.DepthGradMask}, {"lanes", unsafe.Offsetof(a.lanes), asm.DepthGradLanes},
		{"size", unsafe.Sizeof(a), asm.DepthGradSize},
	} {
		if f.got != f.want {
			t.Errorf("%s: %d, package asm has %d", f.name, f.got, f.want)
		}
	}
}
