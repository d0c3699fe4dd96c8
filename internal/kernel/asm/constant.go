package asm

import "math"

// A Constant is a number that elementwise kernels use, by its name in package kernel.
type Constant struct {
	Name string
	Bits uint32
}

// Float returns the constant as a number.
func (c Constant) Float() float32 { return math.Float32frombits(c.Bits) }

// konst is the place of a constant in Constants.
type konst int

const (
	kSign konst = iota
	kAbs
	kZero
	kHalf
	kOne
	kTwo
	kSixth
	kMinusInf

	kExpMin // e to this is below the smallest normal number, and the scale of it 0
	kLog2E
	kRound // 1.5·2²³ + 127: what it is added to is rounded, and its low bits are the exponent of a float32
	kLn2Hi // −ln 2, of which multiples by integers of 8 bits are exact
	kLn2Lo // the rest
	kExp2  // kExp2 … kExp6: the polynomial of (eʳ−1−r)/r²
	kExp3
	kExp4
	kExp5
	kExp6
	kExpLeast // e to this is 0 rounded
	kExpMost  // e to this is infinite rounded
	kBias     // the integer 127

	kErfMax // erf of more is 1
	kErf0   // kErf0 … kErf8: the polynomial of log(1−erf(a))/a
	kErf1
	kErf2
	kErf3
	kErf4
	kErf5
	kErf6
	kErf7
	kErf8

	kGeluMax // Φ of minus this is 0
	kGelu0   // kGelu0 … kGelu10: the polynomial of log Φ(−a)
	kGelu1
	kGelu2
	kGelu3
	kGelu4
	kGelu5
	kGelu6
	kGelu7
	kGelu8
	kGelu9
	kGelu10
	kGeluTanh1 // 2√(2/π)
	kGeluTanh3 // that times 0.044715

	// These are of derivatives.
	kThird
	kThree
	kMinusThree
	kErfSlope      // 2/√π
	kInvSqrt2Pi    // 1/√(2π)
	kGeluTanhSlope // three times kGeluTanh3

	konsts
)

// Constants are the numbers that elementwise kernels use. The polynomials are minimax ones made by Remez's
// exchange; the error of each before rounding is:
//
//	exp   2⁻²⁶ of eʳ−1 for |r| ≤ ln 2/2
//	erf   2⁻²⁷ of erf(a) for 0 ≤ a ≤ 4
//	gelu  2⁻²⁶ of Φ(−a) for 0 ≤ a ≤ 3, from there on the same error of a·Φ(−a); beyond 6 it falls to 0
var Constants = [konsts]Constant{
	kSign:      {"signBit", 1 << 31},
	kAbs:       {"absBits", 1<<31 - 1},
	kZero:      {"zero", 0},
	kHalf:      number("half", 0.5),
	kOne:       number("one", 1),
	kTwo:       number("two", 2),
	kSixth:     number("sixth", 1.0/6),
	kMinusInf:  number("minusInf", float32(math.Inf(-1))),
	kExpMin:    number("expMin", -88),
	kLog2E:     number("log2E", math.Log2E),
	kRound:     number("expRound", 3<<22+127),
	kLn2Hi:     number("ln2Hi", -0.693359375),
	kLn2Lo:     number("ln2Lo", 0.693359375-math.Ln2),
	kExp2:      number("exp2", 0x1.fffffep-2),
	kExp3:      number("exp3", 0x1.5554b0p-3),
	kExp4:      number("exp4", 0x1.555674p-5),
	kExp5:      number("exp5", 0x1.1227f6p-7),
	kExp6:      number("exp6", 0x1.6bebf6p-10),
	kExpLeast:  number("expLeast", -104),
	kExpMost:   number("expMost", 89),
	kBias:      {"bias", 127},
	kErfMax:    number("erfMax", 4),
	kErf0:      number("erf0", -0x1.20dd76p+0),
	kErf1:      number("erf1", -0x1.45f2fap-1),
	kErf2:      number("erf2", -0x1.a4fa5ep-4),
	kErf3:      number("erf3", 0x1.39cdc6p-6),
	kErf4:      number("erf4", 0x1.505ff2p-13),
	kErf5:      number("erf5", -0x1.b50050p-10),
	kErf6:      number("erf6", 0x1.4bc9eap-11),
	kErf7:      number("erf7", -0x1.ed6c52p-14),
	kErf8:      number("erf8", 0x1.3696acp-17),
	kGeluMax:   number("geluMax", 14),
	kGelu0:     number("gelu0", -0x1.62e430p-1),
	kGelu1:     number("gelu1", -0x1.988466p-1),
	kGelu2:     number("gelu2", -0x1.45f1c0p-2),
	kGelu3:     number("gelu3", -0x1.29cca4p-5),
	kGelu4:     number("gelu4", 0x1.3b3d14p-8),
	kGelu5:     number("gelu5", 0x1.d0244ep-17),
	kGelu6:     number("gelu6", -0x1.b0a6b3p-13),
	kGelu7:     number("gelu7", 0x1.ec12d4p-15),
	kGelu8:     number("gelu8", -0x1.2de18ap-17),
	kGelu9:     number("gelu9", 0x1.9ec6f4p-21),
	kGelu10:    number("gelu10", -0x1.f3ff72p-26),
	kGeluTanh1: number("geluTanh1", 1.5957691216057308),
	kGeluTanh3: number("geluTanh3", 0.07135481627),

	kThird:         number("third", 1.0/3),
	kThree:         number("three", 3),
	kMinusThree:    number("minusThree", -3),
	kErfSlope:      number("erfSlope", 1.1283791670955126),
	kInvSqrt2Pi:    number("invSqrt2Pi", 0.3989422804014327),
	kGeluTanhSlope: number("geluTanhSlope", 3*0.07135481627),
}

func number(name string, x float32) Constant { return Constant{name, math.Float32bits(x)} }

// ConstantLanes is how often each constant stands in the table that kernels get: AVX-512 reads them as whole
// vectors.
const ConstantLanes = 16
