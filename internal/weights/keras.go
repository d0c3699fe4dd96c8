package weights

import "io"

// openKeras reads a Keras file: r is HDF5, of a file of its own or out of a .keras, as container says.
func openKeras(r io.ReaderAt, size int64, name string, container Format) (*File, error) {
	return nil, unsupportedf("%s of %d bytes: HDF5 is not read", container, size)
}
