package model

import "strings"

// ruleOf finds the rule for an operator; nil for one that is not known. A model
// function of the same name goes before it.
func ruleOf(domain, op string) func(*call) {
	switch domain {
	case "":
		return onnxRule(op)
	case "ai.onnx.ml":
		return mlRule(op)
	case "com.microsoft":
		return microsoftRule(op)
	}
	return nil
}

func onnxRule(op string) func(*call) {
	switch op {
	case "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd", "BitwiseNot",
		"BitwiseOr", "BitwiseXor", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp",
		"Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN",
		"LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or",
		"PRelu", "Pow", "Reciprocal", "RegexFullMatch", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin",
		"Sinh", "Softplus", "Softsign", "Sqrt", "StringConcat", "Sub", "Sum", "Swish", "Tan", "Tanh",
		"ThresholdedRelu", "Where", "Xor":
		return (*call).elementwise
	case "CastLike", "Optional", "OptionalGetElement", "SequenceAt", "SequenceErase", "RotaryEmbedding", "CenterCropPad":
		return (*call).same
	case "DequantizeLinear", "QuantizeLinear":
		return (*call).first
	case "Dropout":
		return (*call).dropout
	case "BatchNormalization":
		return (*call).batchNorm
	case "Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "DeformConv", "AveragePool", "MaxPool", "LpPool",
		"GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "MaxUnpool", "InstanceNormalization",
		"GroupNormalization", "LRN", "Resize", "Upsample", "GridSample", "DepthToSpace", "SpaceToDepth", "Col2Im",
		"AffineGrid", "STFT", "Attention":
		return (*call).images
	case "LSTM", "GRU", "RNN":
		return (*call).recurrent
	case "MatMul", "MatMulInteger", "QLinearMatMul":
		return (*call).matmul
	case "Gemm":
		return (*call).gemm
	case "Einsum":
		return (*call).einsum
	case "DynamicQuantizeLinear":
		return (*call).dynamic
	case "Shape", "Size", "Constant", "Range", "EyeLike", "SequenceLength", "OptionalHasElement", "ConstantOfShape":
		return (*call).sizes
	}
	if strings.HasPrefix(op, "Reduce") {
		return (*call).reduce
	}
	if strings.HasPrefix(op, "Random") || op == "Multinomial" || op == "Bernoulli" {
		return (*call).random
	}
	if rule := axisRule(op); rule != nil {
		return rule
	}
	return moveRule(op)
}

// axisRule finds the rules of operators that work along an axis.
func axisRule(op string) func(*call) {
	switch op {
	case "ArgMax", "ArgMin":
		return (*call).argmax
	case "Softmax", "LogSoftmax", "Hardmax":
		return (*call).softmax
	case "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization":
		return (*call).layerNorm
	case "CumSum", "CumProd":
		return (*call).cumulative
	case "TopK", "LpNormalization", "DFT":
		return (*call).oneAxis
	case "MeanVarianceNormalization":
		return (*call).meanVariance
	case "NonZero", "Unique", "NonMaxSuppression":
		return (*call).whole
	case "SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss":
		return (*call).loss
	case "ReverseSequence":
		return (*call).reverseSequence
	case "StringNormalizer":
		return (*call).stringNormalizer
	case "TfIdfVectorizer":
		return (*call).rows
	}
	return nil
}

// moveRule finds the rules of operators that move, choose or join elements.
func moveRule(op string) func(*call) {
	switch op {
	case "Concat", "ConcatFromSequence", "SequenceConstruct", "SequenceInsert":
		return (*call).concat
	case "Split", "SplitToSequence":
		return (*call).split
	case "Gather":
		return (*call).gather
	case "GatherElements", "ScatterElements", "Scatter":
		return (*call).elements
	case "GatherND":
		return (*call).gatherND
	case "ScatterND", "TensorScatter":
		return (*call).scatterND
	case "Compress":
		return (*call).compress
	case "Slice":
		return (*call).slicing
	case "Pad":
		return (*call).pad
	case "Tile":
		return (*call).tile
	case "Trilu", "Det":
		return (*call).matrices
	case "Transpose":
		return (*call).transpose
	case "Reshape":
		return (*call).reshape
	case "Flatten":
		return (*call).flatten
	case "Squeeze":
		return (*call).squeeze
	case "Unsqueeze":
		return (*call).unsqueeze
	case "Expand":
		return (*call).expand
	case "OneHot":
		return (*call).oneHot
	}
	return nil
}

func mlRule(op string) func(*call) {
	switch op {
	case "ArrayFeatureExtractor":
		return (*call).arrayFeatures
	case "Binarizer", "Imputer", "LabelEncoder", "Scaler", "CategoryMapper":
		return (*call).first
	case "OneHotEncoder":
		return (*call).oneHotEncoder
	}
	return (*call).rows
}

func microsoftRule(op string) func(*call) {
	switch op {
	case "Gelu", "FastGelu", "BiasGelu", "QuickGelu", "QLinearAdd", "QLinearMul", "QLinearSigmoid",
		"QLinearLeakyRelu", "BiasAdd", "BiasSplitGelu", "QuantizeLinear", "DequantizeLinear", "SkipLayerNormalization",
		"SkipSimplifiedLayerNormalization", "RotaryEmbedding", "Inverse":
		return (*call).first
	case "FusedConv", "QLinearGlobalAveragePool", "QLinearAveragePool", "NhwcConv", "QLinearConv", "Attention",
		"QAttention", "MultiHeadAttention", "GroupQueryAttention", "GroupNorm", "SkipGroupNorm",
		"EmbedLayerNormalization":
		return (*call).images
	case "FusedMatMul", "TransposeMatMul", "MatMulIntegerToFloat", "MatMulInteger16", "MatMulNBits", "QLinearMatMul",
		"MatMulBnb4", "MatMulFpQ4":
		return (*call).matmul
	case "FusedGemm", "GemmFastGelu", "QGemm":
		return (*call).gemm
	case "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM":
		return (*call).dynamic
	case "Tokenizer":
		return (*call).tokenizer
	case "QLinearSoftmax":
		return (*call).softmax
	case "SimplifiedLayerNormalization":
		return (*call).layerNorm
	case "QLinearReduceMean":
		return (*call).reduce
	case "Unique":
		return (*call).whole
	}
	return nil
}
