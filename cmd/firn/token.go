package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// tokenFlags are the flags that say who calls.
type tokenFlags struct {
	token, file string
}

func (o *tokenFlags) add(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&o.token, "token", "", "who calls, where the nodes ask; others on this machine can see it here: --token-file or the environment hides it (environment: FIRN_TOKEN)")
	f.StringVar(&o.file, "token-file", "", "a file that holds the token and nothing else (environment: FIRN_TOKEN_FILE)")
}

// callerToken is the token that the flags, or else the environment, give; "" for
// none.
func (c *console) callerToken() (string, error) {
	o := &c.tokens
	switch {
	case o.token != "" && o.file != "":
		return "", usage("both --token and --token-file are given; give one")
	case o.token != "":
		return o.token, nil
	case o.file != "":
		return readToken("--token-file", o.file)
	case c.env("FIRN_TOKEN") != "":
		return c.env("FIRN_TOKEN"), nil
	case c.env("FIRN_TOKEN_FILE") != "":
		return readToken("FIRN_TOKEN_FILE", c.env("FIRN_TOKEN_FILE"))
	}
	return "", nil
}

// readToken reads a token from a file; what names the flag.
func readToken(what, path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", usage("%s: %v", what, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", usage("%s: %s does not hold a token alone; it is one word", what, path)
	}
	return token, nil
}
