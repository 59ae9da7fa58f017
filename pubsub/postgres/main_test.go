package postgres_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/echoic-go/echoic/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testenv.Wrap(m)) }
