//go:build race

package writ_test

// raceDetector says that the detector's shadow of the heap is in this process's
// memory, and keeps the size of the largest heap there ever was.
const raceDetector = true
