package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/graft-ml/graft/internal/atomicfile"
)

// lockPatience is how long an import or a removal waits for another process before it gives up, and after
// which a download that waits says so.
const lockPatience = time.Second

// lockEvery is how often a lock that is taken is tried again.
const lockEvery = 50 * time.Millisecond

// lock makes the folder of a name and takes the lock on it. It waits for lockPatience, or, where waiting is
// given, until ctx is done; then waiting is called once when the patience is over. The lock is the system's,
// on a file beside the folder, and ends with the process; the file stays, since whoever removes a lock's file
// can let two others in. It keeps downloads from being made twice and from writing into one another; where
// the file system has no locks the digest still keeps a mixture of two downloads out of the store.
func (s *Store) lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	if err := s.prepareDir(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.dir, "."+name+".lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := s.await(ctx, f, name, waiting); err != nil {
		f.Close()
		return nil, err
	}
	if err := s.makeFolder(name); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// makeFolder makes the folder of a name, where there is none, and has the disk know of it: what is put into it
// is durable only then. Where folders cannot be synced (Windows) there is no better.
func (s *Store) makeFolder(name string) error {
	if err := os.Mkdir(s.folder(name), 0o777); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	if d, err := os.Open(s.dir); err == nil {
		d.Sync()
		d.Close()
	}
	return nil
}

func (s *Store) await(ctx context.Context, f *os.File, name string, waiting func()) error {
	for n := time.Duration(0); ; n++ {
		err := atomicfile.TryLock(f)
		if !errors.Is(err, atomicfile.ErrLocked) {
			return err
		}
		if n*lockEvery == lockPatience {
			if waiting == nil {
				return fmt.Errorf("another process is downloading or importing %s: try again when it is done", name)
			}
			waiting()
		}
		if err := sleep(ctx, lockEvery); err != nil {
			return err
		}
	}
}

// sleep waits for d, or returns why ctx ended before.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
