package near

// ParseNodes is parseNodes.
var ParseNodes = parseNodes
