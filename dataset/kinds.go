package dataset

import (
	"path"
	"strings"
)

// pictureExts are the extensions of the formats that are decoded.
var pictureExts = map[string]bool{
	".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".png": true, ".gif": true, ".webp": true,
	".bmp": true, ".dib": true, ".tif": true, ".tiff": true,
}

// convertibleExts are the extensions of pictures that another program must convert, with their kind. A
// camera's raw file may look like a plain TIFF from its first bytes, and holds a small preview then.
var convertibleExts = map[string]string{
	".heic": "heic", ".heif": "heic", ".hif": "heic", ".avif": "avif",
	".dng": "raw", ".nef": "raw", ".nrw": "raw", ".cr2": "raw", ".cr3": "raw", ".crw": "raw", ".arw": "raw",
	".sr2": "raw", ".srf": "raw", ".orf": "raw", ".rw2": "raw", ".raf": "raw", ".pef": "raw", ".srw": "raw",
	".3fr": "raw", ".fff": "raw", ".iiq": "raw", ".rwl": "raw",
}

func extOf(p string) string { return strings.ToLower(path.Ext(p)) }

// namedPicture reports whether the extension is a picture's.
func namedPicture(p string) bool {
	ext := extOf(p)
	return pictureExts[ext] || convertibleExts[ext] != ""
}

// systemNames are files and folders that operating systems and network disks leave behind.
var systemNames = map[string]bool{
	"__macosx": true, "thumbs.db": true, "ehthumbs.db": true, "desktop.ini": true, "icon\r": true,
	"$recycle.bin": true, "system volume information": true, "@eadir": true, "lost+found": true,
}

// hiddenKind returns "system" or "hidden" for names that are not the user's data, and "" for others.
func hiddenKind(name string) string {
	switch {
	case systemNames[strings.ToLower(name)]:
		return "system"
	case strings.HasPrefix(name, ".") && name != ".":
		return "hidden"
	}
	return ""
}

// hiddenPathKind returns the kind of the first element of p that has one.
func hiddenPathKind(p string) string {
	for name := range strings.SplitSeq(p, "/") {
		if kind := hiddenKind(name); kind != "" {
			return kind
		}
	}
	return ""
}
