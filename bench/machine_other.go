//go:build !linux

package bench

// describe names nothing: package runtime says what there is to say.
func describe() (kernel, cpu string) { return "", "" }
