package function

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// Secret is what a webhook's receiver shares with us.
type Secret []byte

// secretPrefix is before a secret that is written in base64, as Standard
// Webhooks has it.
const secretPrefix = "whsec_"

// ParseSecrets reads secrets, one a line. Several are for the time in which a
// receiver changes from one to the next. No message has a secret in it.
func ParseSecrets(text string) (all []Secret, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		secret := Secret(line)
		if encoded, ok := strings.CutPrefix(line, secretPrefix); ok {
			if secret, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				return nil, firn.Errorf(firn.ErrInvalid, "the webhook's secret begins with %s, and what follows is not base64", secretPrefix)
			}
		}
		if len(secret) < secretBytesMin {
			return nil, firn.Errorf(firn.ErrInvalid, "the webhook's secret has %d bytes; give %d or more", len(secret), secretBytesMin)
		}
		all = append(all, secret)
	}
	return all, nil
}

// secretBytesMin keeps out what can be guessed.
const secretBytesMin = 16

// sign adds the headers of Standard Webhooks (standardwebhooks.com): an id that
// is the same at each attempt, the time of this one, and for each secret the
// HMAC-SHA256 of both and the body.
func sign(header http.Header, secrets []Secret, id string, now time.Time, body []byte) {
	if len(secrets) == 0 {
		return
	}
	at := strconv.FormatInt(now.Unix(), 10)
	var signatures []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", at)
	header.Set("Webhook-Signature", strings.Join(signatures, " "))
}
