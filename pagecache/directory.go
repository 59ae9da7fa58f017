package pagecache

import (
	"iter"
	"net/url"
	"strings"
)

// A page belongs to the directories above it, up to maxDirectories levels below
// the root, to the one that has its own path as its name, and to "", that of all
// pages. Their names are URLs that end in a slash.
const (
	maxDirectories = 8
	everywhere     = ""
)

// directories yields them for a normalised URL.
func directories(pageURL string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(everywhere) {
			return
		}
		path, _, _ := strings.Cut(pageURL, "?")
		at := strings.Index(path, "://") + len("://")
		if at < len("://") {
			return
		}
		for range maxDirectories + 1 {
			next := strings.IndexByte(path[at:], '/')
			if next < 0 {
				break
			}
			at += next + 1
			if !yield(path[:at]) {
				return
			}
		}
		if path[len(path)-1] != '/' && strings.Count(path, "/") <= maxDirectories+2 {
			yield(path + "/")
		}
	}
}

// directoryOf is the directory that a prefix means: /quotes is /quotes/, in which
// the page /quotes lies too.
func directoryOf(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.RawQuery != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", &URLError{URL: rawURL}
	}
	path := u.EscapedPath()
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	if strings.Count(path, "/") > maxDirectories+1 {
		return "", &URLError{URL: rawURL, Deep: true}
	}
	return u.Scheme + "://" + hostOf(u.Host, u.Scheme) + path, nil
}

const (
	urlPrefix       = "url:"
	directoryPrefix = "path:"
)

// directoryTags are the tags that a page has for its directories. That of its own
// path it needs only beside other queries: else its URL says the same.
func directoryTags(pageURL string) []string {
	tags := make([]string, 0, maxDirectories+3)
	for dir := range directories(pageURL) {
		tags = append(tags, directoryPrefix+dir)
	}
	if path, _, queried := strings.Cut(pageURL, "?"); !queried && path[len(path)-1] != '/' {
		if last := directoryPrefix + path + "/"; tags[len(tags)-1] == last {
			tags = tags[:len(tags)-1]
		}
	}
	return tags
}

// PrefixTags are the tags by which [Pages.Purge] purges all pages whose path is
// that of a URL or lies below it, on its host. The URL has no query, and at most
// eight segments.
func PrefixTags(rawURL string) ([]string, error) {
	dir, err := directoryOf(rawURL)
	if err != nil {
		return nil, err
	}
	tags := []string{directoryPrefix + dir}
	if own := strings.TrimSuffix(dir, "/"); strings.Count(own, "/") > 2 {
		tags = append(tags, urlTag(own))
	}
	return tags, nil
}

// AllPages is the tag that every page has.
const AllPages = directoryPrefix + everywhere
