package metric

// meanPerClass is the mean of the classes' recalls, also called balanced accuracy: a class counts the same
// however many pictures it has.
var meanPerClass = metric{key: "mean_per_class", title: "mean per class", percent: true, task: oneLabel,
	statistic: func(e *evaluation) func([]float64) float64 { return e.classMean(counts.recall) }}
