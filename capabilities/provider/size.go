package provider

import pb "github.com/writ-host/writ/proto/writ/provider/v1"

// perItem is about what a result takes besides keys and values, in bytes.
const perItem = 128

// resultSize is about how many bytes a result takes as a message.
func resultSize(r *pb.KVResult) int {
	n := perItem
	switch o := r.GetResult().(type) {
	case *pb.KVResult_Get:
		n += len(o.Get.GetEntry().GetValue())
	case *pb.KVResult_CompareAndSwap:
		n += len(o.CompareAndSwap.GetCurrent().GetValue())
	case *pb.KVResult_ListKeys:
		n += keysSize(o.ListKeys.GetKeys()) + len(o.ListKeys.GetCursor())
	case *pb.KVResult_GetMany:
		for _, e := range o.GetMany.GetEntries() {
			n += len(e.GetValue()) + len(e.GetVersion()) + 16
		}
	}
	return n
}

func keysSize(keys []string) int {
	n := 0
	for _, k := range keys {
		n += len(k) + 8
	}
	return n
}
