package asm

import (
	"encoding/binary"
	"fmt"
)

// A region is a buffer that the interpreted code may touch.
type region struct {
	name     string
	addr     uint64
	data     []byte
	writable bool
}

// Memory holds regions far apart: an access that is not wholly inside one is an error.
type Memory struct{ regions []region }

// Map makes data accessible and returns its address. Consecutive regions are 4 GiB apart, and an address is a
// multiple of 4 only, as float32 slices are.
func (m *Memory) Map(name string, data []byte, writable bool) uint64 {
	addr := uint64(len(m.regions)+1)<<32 + 4
	m.regions = append(m.regions, region{name, addr, data, writable})
	return addr
}

// bytes returns the n bytes at addr.
func (m *Memory) bytes(addr uint64, n int, write bool) ([]byte, error) {
	i := int(addr>>32) - 1
	near := "nothing"
	for _, j := range []int{i, i + 1} { // an address a little below a region belongs to the one before
		if j < 0 || j >= len(m.regions) {
			continue
		}
		r := &m.regions[j]
		off := int64(addr - r.addr)
		if off >= 0 && off <= int64(len(r.data)-n) {
			if write && !r.writable {
				return nil, fmt.Errorf("store to %s+%d, which is read-only", r.name, off)
			}
			return r.data[off:][:n], nil
		}
		if near == "nothing" {
			near = fmt.Sprintf("%s%+d of %d bytes", r.name, off, len(r.data))
		}
	}
	return nil, fmt.Errorf("access to %d bytes at %#x, outside the buffers (%s)", n, addr, near)
}

func (m *Memory) load32(addr uint64) (uint32, error) {
	b, err := m.bytes(addr, 4, false)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (m *Memory) store32(addr uint64, v uint32) error {
	b, err := m.bytes(addr, 4, true)
	if err == nil {
		binary.LittleEndian.PutUint32(b, v)
	}
	return err
}
