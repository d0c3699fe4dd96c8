package metric

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// plainReport is a Report without its methods: what encoding/json makes of the fields alone.
type plainReport Report

// MarshalJSON writes the scores, each under its key, and then the other fields.
func (r Report) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, s := range r.Scores {
		value, err := json.Marshal(s.Interval)
		if err != nil {
			return nil, fmt.Errorf("metric: %s: %w", s.Key, err)
		}
		fmt.Fprintf(&b, "%q:%s,", s.Key, value)
	}
	rest, err := json.Marshal(plainReport(r))
	if err != nil {
		return nil, err
	}
	b.Write(rest[1:]) // its brace is written
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. Scores that this version does not know are passed over.
func (r *Report) UnmarshalJSON(data []byte) error {
	var plain plainReport
	if err := json.Unmarshal(data, &plain); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	for _, m := range table {
		value, ok := fields[m.key]
		if !ok {
			continue
		}
		s := Score{Key: m.key, Title: m.title, Percent: m.percent}
		if err := json.Unmarshal(value, &s.Interval); err != nil {
			return fmt.Errorf("metric: %s: %w", m.key, err)
		}
		plain.Scores = append(plain.Scores, s)
	}
	*r = Report(plain)
	return nil
}
