package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// tokenOf is what a form of this operator carries. It is masked anew for each page:
// one that is compressed together with what a visitor wrote would give it away
// otherwise (BREACH).
func (c *Console) tokenOf(operator string) string {
	secret := c.seal(operator)
	masked := make([]byte, 2*len(secret))
	mask := masked[:len(secret)]
	rand.Read(mask) // never fails
	for i := range secret {
		masked[len(secret)+i] = secret[i] ^ mask[i]
	}
	return base64.RawURLEncoding.EncodeToString(masked)
}

func (c *Console) seal(operator string) []byte {
	mac := hmac.New(sha256.New, c.cfg.Secret)
	mac.Write([]byte("echoic console form\x00" + operator)) // never fails
	return mac.Sum(nil)
}

// checkForm reads a form and refuses one that the console did not give to this
// operator.
func (c *Console) checkForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return &statusError{http.StatusBadRequest, "The form could not be read."}
	}
	masked, err := base64.RawURLEncoding.DecodeString(r.PostForm.Get("token"))
	if err != nil || len(masked) != 2*sha256.Size {
		return &statusError{http.StatusForbidden, "The form is not one of the console's: open the page again."}
	}
	secret := make([]byte, sha256.Size)
	for i := range secret {
		secret[i] = masked[i] ^ masked[sha256.Size+i]
	}
	if !hmac.Equal(secret, c.seal(operatorOf(r))) {
		return &statusError{http.StatusForbidden, "The form belongs to somebody else, or to a server that has been restarted: open the page again."}
	}
	return nil
}
