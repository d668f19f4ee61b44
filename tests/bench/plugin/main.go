// fanout holds every response until a configured number of side requests are back, then marks it.
// tests/bench/run builds it for the peer "envoy-wasm".
// Configuration: {"dispatchCluster": "side", "dispatchCount": 3, "authority": "side"}. The original's authority is empty;
// nginx refuses such a request and closes the connection.
// Build: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o main.wasm .
package main

import (
	"encoding/json"
	"fmt"

	pw "github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	pwt "github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

type settings struct {
	Cluster   string `json:"dispatchCluster"`
	Count     int    `json:"dispatchCount"`
	Authority string `json:"authority"`
}

type root struct {
	pwt.DefaultPluginContext
	settings
}

type exchange struct {
	pwt.DefaultHttpContext
	settings
	waiting int
}

func main() {}

func init() {
	pw.SetPluginContext(func(uint32) pwt.PluginContext { return new(root) })
}

func (r *root) OnPluginStart(size int) pwt.OnPluginStartStatus {
	text, err := pw.GetPluginConfiguration()
	if err == nil {
		err = json.Unmarshal(text, &r.settings)
	}
	if err == nil && (r.Cluster == "" || r.Count < 1) {
		err = fmt.Errorf("dispatchCluster and a positive dispatchCount are required")
	}
	if err != nil {
		pw.LogErrorf("fanout: bad configuration (%d bytes): %v", size, err)
	}
	return err == nil
}

func (r *root) NewHttpContext(uint32) pwt.HttpContext {
	return &exchange{settings: r.settings}
}

func (x *exchange) OnHttpResponseHeaders(int, bool) pwt.Action {
	request := [][2]string{{":method", "GET"}, {":path", "/"}, {":authority", x.Authority}}
	for x.waiting = 0; x.waiting < x.Count; x.waiting++ {
		if _, err := pw.DispatchHttpCall(x.Cluster, request, nil, nil, 50000, x.returned); err != nil {
			pw.LogErrorf("fanout: side request %d to %q refused: %v", x.waiting, x.Cluster, err)
			break
		}
	}
	if x.waiting == 0 {
		return pwt.ActionContinue
	}
	return pwt.ActionPause
}

func (x *exchange) returned(headers, _, _ int) {
	if x.waiting--; x.waiting > 0 {
		return
	}
	if err := pw.AddHttpResponseHeader("total-dispatched", fmt.Sprint(x.Count)); err != nil {
		pw.LogErrorf("fanout: %v", err)
	}
	if err := pw.ResumeHttpResponse(); err != nil {
		pw.LogErrorf("fanout: %v", err)
	}
}
