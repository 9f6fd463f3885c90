package main

import (
	"crypto/tls"
	"strings"

	"github.com/spf13/pflag"

	"github.com/firndb/firn/client"
)

// tlsFlags adds the flags that every command has for TLS. What the environment
// says is no default of theirs, so that help does not print it.
func (c *console) tlsFlags(f *pflag.FlagSet) {
	for _, flag := range []struct {
		value            *string
		name, env, usage string
	}{
		{&c.tls.Authorities, "tls-ca", "FIRN_TLS_CA", "connect with TLS; the authority's certificate, ca.crt"},
		{&c.tls.Cert, "tls-cert", "FIRN_TLS_CERT", "the user's certificate"},
		{&c.tls.Key, "tls-key", "FIRN_TLS_KEY", "the key of the user's certificate"},
		{&c.tls.ServerName, "tls-server-name", "FIRN_TLS_SERVER_NAME", "the host that the nodes' certificates are for, where that is not the one in --addr"},
	} {
		f.StringVar(flag.value, flag.name, c.env(flag.env), flag.usage+" (environment: "+flag.env+")")
		f.Lookup(flag.name).DefValue = ""
	}
}

// plain makes connections without TLS, whatever the environment says: to a cluster
// that the command has started itself, on loopback.
func (c *console) plain() {
	env := c.env
	c.env = func(name string) string {
		if strings.HasPrefix(name, "FIRN_TLS_") {
			return ""
		}
		return env(name)
	}
	c.tls = client.Certificates{}
}

// tlsConfig is what connections to nodes speak, nil: plain.
func (c *console) tlsConfig() (*tls.Config, error) {
	if c.tls == (client.Certificates{}) {
		return nil, nil
	}
	if c.tls.Authorities == "" {
		return nil, usage("--tls-cert, --tls-key and --tls-server-name are of no use without --tls-ca, which says whose nodes are to be trusted")
	}
	return c.tls.Config()
}
