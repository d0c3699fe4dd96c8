package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/graft-ml/graft/metric"
)

// Epoch is one line of a training's history. A value that was not measured is NaN; accuracies are fractions.
type Epoch struct {
	Epoch         int // from 1
	TrainLoss     float64
	TrainAccuracy float64
	ValLoss       float64
	ValAccuracy   float64
	LearningRate  float64
	Seconds       float64
}

// WriteHistory writes history.csv: a header and a line for each epoch, with empty cells for NaN.
func WriteHistory(w io.Writer, epochs []Epoch) error {
	rows := [][]string{{"epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}}
	for _, e := range epochs {
		rows = append(rows, []string{strconv.Itoa(e.Epoch), number(e.TrainLoss), number(e.TrainAccuracy),
			number(e.ValLoss), number(e.ValAccuracy), number(e.LearningRate), number(e.Seconds)})
	}
	return writeCSV(w, rows)
}

// WritePerClass writes a line for each class or label: its scores with the ends of their intervals.
func WritePerClass(w io.Writer, r *metric.Report) error {
	rows := [][]string{{"class", "support", "precision", "precision_low", "precision_high",
		"recall", "recall_low", "recall_high", "f1"}}
	row := func(class string, support int, precision, recall metric.Interval, f1 float64) []string {
		return []string{class, strconv.Itoa(support), number(precision.Value), number(precision.Low), number(precision.High),
			number(recall.Value), number(recall.Low), number(recall.High), number(f1)}
	}
	for _, c := range r.PerClass {
		rows = append(rows, row(c.Class, c.Support, c.Precision, c.Recall, c.F1))
	}
	if r.PerLabel != nil {
		rows[0] = append(rows[0], "threshold", "ap", "tp", "fp", "fn", "tn")
	}
	for _, l := range r.PerLabel {
		threshold := strconv.FormatFloat(float64(l.Threshold), 'g', -1, 32)
		rows = append(rows, append(row(l.Class, l.Support, l.Precision, l.Recall, l.F1), threshold, number(l.AP),
			strconv.Itoa(l.TP), strconv.Itoa(l.FP), strconv.Itoa(l.FN), strconv.Itoa(l.TN)))
	}
	return writeCSV(w, rows)
}

// WriteConfusion writes the confusion matrix: a line for each true class, a column for each predicted one.
func WriteConfusion(w io.Writer, r *metric.Report) error {
	if r.Confusion == nil {
		return fmt.Errorf("report: no confusion matrix: pictures have several labels")
	}
	header := []string{"true \\ predicted"}
	for _, c := range r.PerClass {
		header = append(header, c.Class)
	}
	rows := [][]string{header}
	for i, counts := range r.Confusion {
		row := []string{r.PerClass[i].Class}
		for _, n := range counts {
			row = append(row, strconv.Itoa(n))
		}
		rows = append(rows, row)
	}
	return writeCSV(w, rows)
}

func writeCSV(w io.Writer, rows [][]string) error {
	return csv.NewWriter(w).WriteAll(rows)
}

// number is v with as many digits as tell it from its neighbours, and nothing for NaN.
func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}
