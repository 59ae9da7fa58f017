package chaos_test

import (
	"testing"

	"github.com/echoic-go/echoic/internal/chaos"
)

func TestMain(m *testing.M) { chaos.Main(m) }
