package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// nginxConfig is how nginx caches in one of the comparisons.
type nginxConfig struct {
	gzip     bool   // it codes what it sends
	upstream string // the server of ours behind it
}

// startNginx runs nginx with a cache of its own before one of the other servers.
func startNginx(s server) (url string, stop func(), err error) {
	origin, stopOrigin, err := startSelf(server{name: s.nginx.upstream})
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "bench-nginx-")
	if err != nil {
		return "", stopOrigin, err
	}
	clean := func() {
		stopOrigin()
		_ = os.RemoveAll(dir)
	}
	addr, err := freeAddr()
	if err == nil {
		err = os.Chmod(dir, 0o755) // its workers may run as another user
	}
	if err != nil {
		return "", clean, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err = os.WriteFile(conf, []byte(nginxText(dir, addr, strings.TrimPrefix(origin, "http://"), s.nginx.gzip)), 0o600); err != nil {
		return "", clean, err
	}
	url, end, err := startCommand("http://"+addr, "nginx", "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	if err != nil {
		return "", clean, err
	}
	return url, func() {
		end()
		clean()
	}, nil
}

// nginxText is its configuration: the cache in a file system that is in memory
// where there is one, no access log, connections that stay.
func nginxText(dir, addr, origin string, gzip bool) string {
	coding := "gzip off;"
	if gzip {
		coding = "gzip on; gzip_min_length 256; gzip_vary on; gzip_proxied any;"
	}
	return fmt.Sprintf(`daemon off;
worker_processes auto;
pid %[1]s/pid;
events { worker_connections 4096; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_temp_path %[1]s/proxy;
	proxy_cache_path %[1]s/cache keys_zone=pages:10m inactive=1h use_temp_path=off;
	sendfile on;
	keepalive_requests 1000000000;
	%[4]s
	upstream origin { server %[3]s; keepalive 64; }
	server {
		listen %[2]s;
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_cache pages;
			proxy_cache_valid 200 1h;
		}
	}
}
`, dir, addr, origin, coding)
}
