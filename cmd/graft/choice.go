package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/graft-ml/graft"
)

// showChoice writes the table that auto decided by; there is none for nil.
func showChoice(out *output, c *graft.Choice) {
	if c == nil {
		return
	}
	if c.Folds == 0 {
		out.printf("Taken without a comparison: %s\n(%s)\n\n", c.Candidates[0].Name, c.Candidates[0].Reason)
		return
	}
	width := 0
	for _, t := range c.Candidates {
		width = max(width, utf8.RuneCountInString(t.Name))
	}
	out.printf("Compared on %d pictures in %d folds, each held out once\n\n", c.Pictures, c.Folds)
	out.printf("  %-*s  accuracy  95 %% interval  worse by  95 %% interval\n", width, "")
	for _, t := range c.Candidates {
		mark := ' '
		if t.Chosen {
			mark = '*'
		}
		out.printf("%c %-*s  %s\n", mark, width, t.Name, trialText(t, c.Folds))
	}
	out.printf("\n")
	if c.Untried > 0 {
		out.printf("%d more were not tried: the budget was spent\n\n", c.Untried)
	}
}

// trialText is a row of the table behind the name.
func trialText(t graft.Trial, folds int) string {
	if t.Reason != "" {
		return "not tried: " + t.Reason
	}
	text := fmt.Sprintf("%6.1f %%  %5.1f – %5.1f  ", 100*t.Accuracy, 100*t.Interval[0], 100*t.Interval[1])
	if t.Chosen {
		return strings.TrimRight(text, " ") + "    taken"
	}
	text += fmt.Sprintf("%8.1f  %5.1f – %5.1f", 100*t.Behind[0], 100*t.Behind[1], 100*t.Behind[2])
	switch {
	case t.Strategy != "frozen":
		text += "  tried on 1 fold"
	case t.Folds < folds:
		text += fmt.Sprintf("  given up after %d of %d folds", t.Folds, folds)
	}
	return text
}
