// SPDX-License-Identifier: Apache-2.0
#pragma once

// A service's link to a hub of its zhost ("zmesh" for what goes to other services and zhosts,
// "startz" for what must work without zmesh). It connects by itself, says Hello, and comes back
// with a jittered back-off (20 ms to 1 s) after the hub went away.
//
// A message that would fill the link is refused: a request fails with Code::full, of a response
// only that is sent, an event is dropped and counted.
//
// While the hub is away requests fail at once with Code::unavailable and events are dropped and
// counted: whoever sends them repeats by itself (reports, directories) or asks again.
//
// Data frames (zrun and zmesh only) travel beside the envelopes, unqueued: see `send_data`.

#include <functional>
#include <memory>
#include <string>

#include "ports/runtime.h"
#include "ports/transport.h"
#include "rpc/rpc_endpoint.h"

namespace rpc {

class ServiceBus {
 public:
  struct Options {
    std::string hub;  // "zmesh" or "startz"
    v1::Hello hello;  // who we are
  };

  ServiceBus(ports::Runtime& runtime, ports::Transport& transport, Options options);
  ~ServiceBus();

  RpcEndpoint& endpoint() { return endpoint_; }
  void on(std::string method, Handler handler) {
    endpoint_.on(std::move(method), std::move(handler));
  }
  void request(v1::ServiceAddress to, std::string method, stdx::Bytes body, stdx::Duration timeout,
               Response done);
  void notify(v1::ServiceAddress to, std::string method, stdx::Bytes body);

  // False when the hub is away or its queue is past half of its bound: the frame was not taken.
  bool send_data(stdx::Bytes frame);
  std::function<void(stdx::Bytes frame)> on_data;
  // Connected or lost.
  std::function<void(bool connected)> on_state;
  std::function<void()> on_writable;

  bool connected() const { return link_ != nullptr; }
  // What waits on its way to the hub.
  std::size_t queued_bytes() const { return link_ ? link_->queued_bytes() : 0; }
  // Starts connecting; set the handlers first.
  void start();

 private:
  void connect();
  void attach(std::unique_ptr<ports::Link> link);
  void receive(stdx::Bytes frame);
  void lost(const stdx::Error& why);
  void send(v1::Envelope envelope);
  void refuse(v1::Envelope envelope);

  ports::Runtime& runtime_;
  ports::Transport& transport_;
  Options options_;
  RpcEndpoint endpoint_;
  std::unique_ptr<ports::Link> link_;
  ports::Timer retry_;
  stdx::Duration back_off_;
  ports::Counter& dropped_;
  ports::Counter& refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rpc
