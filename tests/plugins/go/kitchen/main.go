// kitchen does what the request's path asks of it: one Go plugin for many scenarios (tests/differential/plugins/languages.py).
// Built by tests/plugins/build.
package main

import (
	"errors"
	"strings"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

type plugin struct {
	types.DefaultPluginContext
	id       uint32
	greeting string
	queue    uint32
	waiting  []uint32
}

type exchange struct {
	types.DefaultHttpContext
	plugin *plugin
	id     uint32
	path   string
	held   int
}

var requests = 0

func main() {}

func init() {
	proxywasm.SetPluginContext(func(id uint32) types.PluginContext { return &plugin{id: id} })
}

// did logs what has gone wrong, if anything.
func did(what string, err error) {
	if err != nil {
		proxywasm.LogWarnf("%s: %v", what, err)
	}
}

func (p *plugin) OnPluginStart(size int) types.OnPluginStartStatus {
	text, err := proxywasm.GetPluginConfiguration()
	if err != nil && !errors.Is(err, types.ErrorStatusNotFound) {
		proxywasm.LogCriticalf("configuration: %v", err)
		return types.OnPluginStartStatusFailed
	}
	p.greeting = string(text)
	p.queue, err = proxywasm.RegisterSharedQueue("letters")
	did("register", err)
	return types.OnPluginStartStatus(!strings.HasPrefix(p.greeting, "refuse"))
}

func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	return &exchange{plugin: p, id: id}
}

func (p *plugin) OnQueueReady(id uint32) {
	letter, err := proxywasm.DequeueSharedQueue(id)
	did("dequeue", err)
	proxywasm.LogInfof("letter: %s", letter)
}

func (p *plugin) OnTick() {
	did("no more ticks", proxywasm.SetTickPeriodMilliSeconds(0))
	for _, id := range p.waiting {
		did("effective context", proxywasm.SetEffectiveContext(id))
		proxywasm.LogInfof("tick resumes %d", id)
		did("resume", proxywasm.ResumeHttpRequest())
	}
	p.waiting = nil
}

func (p *plugin) OnPluginDone() bool {
	proxywasm.LogInfo("plugin done")
	return true
}

func (x *exchange) OnHttpRequestHeaders(count int, end bool) types.Action {
	x.path, _ = proxywasm.GetHttpRequestHeader(":path")
	requests++
	proxywasm.LogInfof("%s: %d headers, end %t, request %d", x.path, count, end, requests)
	if action, known := requestActions[x.path]; known {
		return action(x)
	}
	return types.ActionContinue
}

var requestActions = map[string]func(*exchange) types.Action{
	"/headers": (*exchange).headers,
	"/deny": func(x *exchange) types.Action {
		did("reply", proxywasm.SendHttpResponse(403, [][2]string{{"x-why", x.plugin.greeting}}, []byte("no\n"), -1))
		return types.ActionPause
	},
	"/ask": func(x *exchange) types.Action {
		return x.ask("side", x.answered)
	},
	"/nowhere": func(x *exchange) types.Action {
		return x.ask("nowhere", x.answered)
	},
	"/tick": func(x *exchange) types.Action {
		x.plugin.waiting = append(x.plugin.waiting, x.id)
		did("ticks", proxywasm.SetTickPeriodMilliSeconds(20))
		return types.ActionPause
	},
	"/letter": func(x *exchange) types.Action {
		did("enqueue", proxywasm.EnqueueSharedQueue(x.plugin.queue, []byte("from "+x.path)))
		return types.ActionContinue
	},
	"/state": (*exchange).state,
	"/panic": func(x *exchange) types.Action {
		panic("as was asked")
	},
	"/nil": func(x *exchange) types.Action {
		var nothing *exchange
		return types.Action(nothing.held)
	},
	"/index": func(x *exchange) types.Action {
		return []types.Action{types.ActionContinue}[requests+5]
	},
	"/goroutine": func(x *exchange) types.Action {
		words := make(chan string)
		go func() { words <- "from another goroutine" }()
		proxywasm.LogInfo(<-words)
		return types.ActionContinue
	},
	"/sleep": func(x *exchange) types.Action {
		before := time.Now()
		time.Sleep(5 * time.Millisecond)
		proxywasm.LogInfof("slept enough: %t", time.Since(before) >= 5*time.Millisecond)
		return types.ActionContinue
	},
}

func (x *exchange) headers() types.Action {
	did("add", proxywasm.AddHttpRequestHeader("x-added", "1"))
	did("replace", proxywasm.ReplaceHttpRequestHeader("x-old", "new"))
	did("remove", proxywasm.RemoveHttpRequestHeader("x-gone"))
	_, err := proxywasm.GetHttpRequestHeader("x-none")
	did("a missing header", err)
	all, err := proxywasm.GetHttpRequestHeaders()
	did("all headers", err)
	for _, pair := range all {
		if strings.HasPrefix(pair[0], "x-") && pair[0] != "x-request-id" {
			proxywasm.LogInfof("  %s: %s", pair[0], pair[1])
		}
	}
	return types.ActionContinue
}

func (x *exchange) ask(cluster string, answered func(headers, size, trailers int)) types.Action {
	_, err := proxywasm.DispatchHttpCall(cluster, [][2]string{{":method", "POST"}, {":path", "/asked"}, {":authority", "side"}},
		[]byte("question"), nil, 1000, answered)
	if err != nil {
		proxywasm.LogWarnf("call: %v", err)
		return types.ActionContinue
	}
	return types.ActionPause
}

func (x *exchange) answered(headers, size, trailers int) {
	pairs, err := proxywasm.GetHttpCallResponseHeaders()
	did("call's headers", err)
	body, err := proxywasm.GetHttpCallResponseBody(0, size)
	did("call's body", err)
	proxywasm.LogInfof("answer: %v, %s", pairs[0], body)
	did("add", proxywasm.AddHttpRequestHeader("x-answer", string(body)))
	did("resume", proxywasm.ResumeHttpRequest())
}

func (x *exchange) state() types.Action {
	counter := proxywasm.DefineCounterMetric("kitchen_requests")
	counter.Increment(2)
	gauge := proxywasm.DefineGaugeMetric("kitchen_level")
	gauge.Add(-3)
	proxywasm.LogInfof("counter %d, gauge %d", counter.Value(), gauge.Value())
	proxywasm.DefineHistogramMetric("kitchen_sizes").Record(100)
	_, cas, err := proxywasm.GetSharedData("last")
	did("shared", err)
	did("set shared", proxywasm.SetSharedData("last", []byte(x.path), cas))
	value, cas, err := proxywasm.GetSharedData("last")
	did("shared", err)
	proxywasm.LogInfof("shared %s, cas %d", value, cas)
	did("wrong cas", proxywasm.SetSharedData("last", nil, cas+7))
	route, err := proxywasm.GetProperty([]string{"xds", "route_name"})
	did("property", err)
	proxywasm.LogInfof("route %q", route)
	small, err := proxywasm.CallForeignFunction("compress", []byte(strings.Repeat("a", 1000)))
	did("compress", err)
	proxywasm.LogInfof("compressed to less: %t", len(small) > 0 && len(small) < 100)
	return types.ActionContinue
}

func (x *exchange) OnHttpRequestBody(size int, end bool) types.Action {
	if x.path != "/body" {
		return types.ActionContinue
	}
	x.held += size
	proxywasm.LogInfof("request body %d, end %t", size, end)
	if !end {
		return types.ActionPause
	}
	body, err := proxywasm.GetHttpRequestBody(0, size)
	did("body", err)
	did("replace", proxywasm.ReplaceHttpRequestBody([]byte(strings.ToUpper(string(body)))))
	return types.ActionContinue
}

func (x *exchange) OnHttpResponseHeaders(count int, end bool) types.Action {
	status, err := proxywasm.GetHttpResponseHeader(":status")
	did("status", err)
	proxywasm.LogInfof("response %s, end %t", status, end)
	did("add", proxywasm.AddHttpResponseHeader("x-kitchen", x.plugin.greeting))
	if x.path == "/body" {
		did("remove", proxywasm.RemoveHttpResponseHeader("content-length"))
	}
	if x.path == "/panic-response" {
		panic("in the response, as was asked")
	}
	return types.ActionContinue
}

func (x *exchange) OnHttpResponseBody(size int, end bool) types.Action {
	if x.path != "/body" {
		return types.ActionContinue
	}
	if !end {
		return types.ActionPause
	}
	did("prepend", proxywasm.PrependHttpResponseBody([]byte("<")))
	did("append", proxywasm.AppendHttpResponseBody([]byte(">")))
	return types.ActionContinue
}

func (x *exchange) OnHttpStreamDone() {
	proxywasm.LogInfof("%s is done", x.path)
}
