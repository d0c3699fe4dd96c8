package metric

// macroF1 is the mean of the classes' F1, the harmonic mean of precision and recall.
var macroF1 = metric{key: "macro_f1", title: "macro F1", percent: true, task: anyTask,
	statistic: func(e *evaluation) func([]float64) float64 { return e.classMean(counts.f1) }}
