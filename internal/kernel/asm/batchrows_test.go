package asm

import "testing"

func TestBatchRows(t *testing.T) {
	for _, k := range append(BatchGroups(false), BatchGroups(true)...) {
		t.Run(k.FuncName(), func(t *testing.T) {
			if err := runBatchGroup(BatchRows(k), k, true); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// runBatchGroup runs the cases of a kernel over several rows at a time.
func runBatchGroup(f *Func, k BatchGroup, all bool) error {
	return runBatchCases(f, k.Batch(), all, func(c *rowsCase) bool {
		c.rows *= k.Rows
		return true
	})
}
