package main

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]size{"0": 0, "500": 500, "500MB": 500, "2GB": 2000, "2.5 gb": 2500, "1TB": 1e6, "1500kB": 1, "-1": -1} {
		var v size
		if err := v.Set(text); err != nil || v != want {
			t.Errorf("%q: %d, error %v, want %d", text, v, err, want)
		}
		var back size
		if err := back.Set(v.String()); err != nil || back != v {
			t.Errorf("%q prints as %q, which is %d, error %v", text, v.String(), back, err)
		}
	}
	for _, text := range []string{"", "GB", "2 gigabytes", "NaN", "1e99GB", "10KB", "Inf"} {
		var v size
		if err := v.Set(text); err == nil {
			t.Errorf("%q is read as %d", text, v)
		}
	}
}
