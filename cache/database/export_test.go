package database

// Behind is what the fuzz test of Keys' bounds looks at.
var Behind = behind
