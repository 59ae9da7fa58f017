package near

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/echoic-go/echoic/internal/redisconn"
)

// TrackConfig says which Redis a [Tracker] listens to, for which [Tier]. URL and
// Tier are required.
type TrackConfig struct {
	// URL is where the caches are; its forms are those of redis.Config. The
	// password is shown in no error and no log line.
	URL string
	// Tier is told what changes. It relies on the tracker from then on.
	Tier *Tier
	// Prefixes are those of the caches whose keys are listened for. Defaults to
	// those of Tier.
	Prefixes []string
	// Silence is how long a server may leave a question unanswered before the
	// tier is unverified. It is asked every half second, so this and half a
	// second is how long changes may be missed unnoticed. 50ms to 1m. Defaults
	// to 1s.
	Silence time.Duration
	// ConnectTimeout bounds dialling and the TLS handshake. 1ms to 1m.
	// Defaults to 500ms.
	ConnectTimeout time.Duration
	// CAFile, CertFile and KeyFile are as in redis.Config.
	CAFile, CertFile, KeyFile string
	// SentinelUser and SentinelPassword are for the sentinels, which do not know
	// the user and the password of the URL. Only with the URL of a Sentinel.
	// Default to none.
	SentinelUser, SentinelPassword string
	// ClientName is what CLIENT LIST shows. No spaces. Defaults to
	// "echoic-near".
	ClientName string
	// Logger gets what the tracker does, at the debug level; that the tier
	// becomes unverified is in the log of the tier. Defaults to discarding it.
	Logger *slog.Logger
}

const (
	defaultSilence    = time.Second
	shortestSilence   = 50 * time.Millisecond
	longestSilence    = time.Minute
	defaultClientName = "echoic-near"
)

// plan is a TrackConfig that was checked.
type plan struct {
	TrackConfig
	target redisconn.Target
	link   string // what the link puts in front of every key
	option rueidis.ClientOption
	track  []string
}

func (cfg TrackConfig) plan() (p plan, err error) {
	if cfg.Tier == nil {
		return p, errors.New("near: TrackConfig.Tier is nil: set the tier that is to be told of changes")
	}
	if len(cfg.Prefixes) == 0 {
		cfg.Prefixes = cfg.Tier.cfg.Prefixes
	}
	setDefault(&cfg.Silence, defaultSilence)
	setDefault(&cfg.ClientName, defaultClientName)
	if cfg.Silence < shortestSilence || cfg.Silence > longestSilence {
		return p, fmt.Errorf("near: TrackConfig.Silence is %v: give a duration from %v to %v, or 0 for %v", cfg.Silence, shortestSilence, longestSilence, defaultSilence)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p.TrackConfig = cfg
	if p.target, err = redisconn.Parse(cfg.URL); err != nil {
		return p, fmt.Errorf("near: TrackConfig.URL: %w", err)
	}
	p.link = p.target.KeyPrefix()
	if p.track, err = trackingOptions(p.link, cfg.Prefixes); err != nil {
		return p, err
	}
	p.option, err = redisconn.RueidisOptions(p.target, redisconn.Policy{
		ConnectTimeout: cfg.ConnectTimeout, SocketTimeout: cfg.Silence,
		CAFile: cfg.CAFile, CertFile: cfg.CertFile, KeyFile: cfg.KeyFile, ClientName: cfg.ClientName,
		SentinelUser: cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
	})
	if err != nil {
		return p, fmt.Errorf("near: %w", err)
	}
	return p, nil
}

// feedName is the same for trackers that hear of the same keys, of which a tier
// may have one after the other.
func (p plan) feedName() string {
	return "redis " + p.target.Addr() + " " + p.link + strings.Join(p.Prefixes, ",")
}
