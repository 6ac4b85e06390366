//go:build !race

package writ_test

const raceDetector = false
