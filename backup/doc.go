// Package backup keeps backups of stores in a directory, its place:
//
//	FIRN-BACKUPS          says what the directory is
//	LOCK                  held while a backup is taken
//	backups/NAME          a backup's manifest; manifest.go draws it
//	files/SHA-256         the files that the manifests name, each once
//	unfinished/           what is being received
//
// A backup is an image of a store (package engine) taken apart: its files, and a
// manifest that says which they are. A file that an earlier backup has brought is
// not copied again, and is the same file for both.
//
//	place, err := backup.Open(vfs.Default, dir) // or Create
//	manifest, err := place.Take(image, …)       // with place.Held() said to the node
//	err = place.Copy(ctx, manifest, to, …)      // a directory that engine.Open takes as its data
//
// # What holds whenever the machine stops
//
// A file is written in unfinished/, synced, and renamed to the SHA-256 that its
// bytes were found to have; a manifest comes last, in the same way, when all of
// its files are durable and were opened as a store once. So what has a manifest
// is whole. What an attempt that was cut off has brought in whole files is used
// by the next one, and removed by the next that succeeds where no manifest names
// it.
package backup
