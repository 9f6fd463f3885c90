package peer

// Hello is a hello's bytes, as a node of another make might send them.
func Hello(what uint8, identity Identity, from, to string) []byte {
	return frame(hello{purpose(what), identity, from, to}.append(nil))
}
