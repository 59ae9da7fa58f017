package redis

// ProbeKeys is for tests.
var ProbeKeys = probeKeys
