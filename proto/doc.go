// Package proto holds the wire protocols of writ and how their Go code is
// made. It has no logic. Start with writ/provider/v1/provider.proto.
//
// The generated code is committed. To see whether it is current:
//
//	go generate ./proto && git diff --exit-code -- proto
package proto

//go:generate protoc -I . --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative writ/provider/v1/provider.proto writ/provider/v1/keyvalue.proto writ/provider/v1/sql.proto writ/provider/v1/http.proto writ/provider/v1/custom.proto writ/provider/v1/data.proto
