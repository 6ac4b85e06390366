package provider

// deniedOnArch is empty: arm64 has no older forms of what is denied.
var deniedOnArch []uint32
