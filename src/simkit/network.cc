// SPDX-License-Identifier: Apache-2.0
#include "simkit/network.h"

#include <algorithm>

#include "stdx/assert.h"
#include "stdx/text.h"

namespace simkit {

using ports::Endpoint;
using stdx::Code;

// Both ends of a link share a Pipe; each end is a SimLink.
struct Network::Pipe {
  struct End {
    Process* process = nullptr;
    std::weak_ptr<int> alive;
    std::string zhost, name;
    ports::Identity identity;  // what the other side takes this one for
    ports::LinkHandlers handlers;
    bool started = false;
    bool open = true;                  // this side neither closed nor was told of a close
    std::deque<stdx::Bytes> arrived;   // before start()
    std::deque<stdx::Bytes> outgoing;  // sent by this end, not yet at the other
    std::size_t urgent = 0;            // of `outgoing`, at its front
    std::size_t outgoing_bytes = 0;
    bool was_above = false;
    bool pumping = false;
    stdx::Instant blocked_since{};
    bool blocked = false;
    stdx::Instant last_arrival{};
    stdx::Instant sent_until{};  // what went out so far takes until then
  };
  Network& network;
  std::weak_ptr<int> network_alive;
  End ends[2];

  explicit Pipe(Network& n) : network(n), network_alive(n.alive_) {}
  static void pump(const std::shared_ptr<Pipe>& pipe, int from);
  // Sends the first frame that waits; false: nothing more goes out now.
  static bool send_one(const std::shared_ptr<Pipe>& pipe, int from);
  static void close(const std::shared_ptr<Pipe>& pipe, int told, stdx::Error why);
};

void Network::Pipe::close(const std::shared_ptr<Pipe>& pipe, int told, stdx::Error why) {
  End& end = pipe->ends[told];
  if (!end.open) return;
  end.open = false;
  if (end.alive.expired()) return;
  end.process->deliver(stdx::Duration::zero(), "closed", [pipe, told, why] {
    End& e = pipe->ends[told];
    if (!e.started) {
      e.arrived.clear();
      return;
    }
    if (auto handler = std::exchange(e.handlers.on_closed, nullptr)) {
      e.handlers.on_frame = nullptr;
      handler(why);
    }
  });
}

void Network::Pipe::pump(const std::shared_ptr<Pipe>& pipe, int from) {
  // Thousands of frames may have waited behind a cut.
  while (send_one(pipe, from)) {
  }
}

bool Network::Pipe::send_one(const std::shared_ptr<Pipe>& pipe, int from) {
  End& sender = pipe->ends[from];
  End& receiver = pipe->ends[1 - from];
  sender.pumping = false;
  if (sender.outgoing.empty()) return false;
  Network& network = pipe->network;
  const bool across = sender.zhost != receiver.zhost;
  // TCP needs both directions: acknowledgements come back the other way.
  const bool cut = across && (network.is_cut(sender.zhost, receiver.zhost) ||
                              network.is_cut(receiver.zhost, sender.zhost) ||
                              network.is_stalled(sender.zhost, receiver.zhost, sender.name));
  if (cut) {
    if (!sender.blocked) {
      sender.blocked = true;
      sender.blocked_since = network.world_.now();
    }
    if (network.world_.now() - sender.blocked_since > network.faults.link_timeout) {
      close(pipe, from, {Code::timeout, "no acknowledgement from the other side"});
      return false;
    }
    sender.pumping = true;
    network.world_.schedule(std::chrono::milliseconds(200), "retransmit",
                            [pipe, from] { pump(pipe, from); });
    return false;
  }
  if (!receiver.open || receiver.alive.expired()) {
    close(pipe, from, {Code::unavailable, "reset by peer"});
    return false;
  }
  sender.blocked = false;
  const auto now = network.world_.now();
  // So much a socket takes ahead; small frames need no event of their own.
  if (sender.sent_until > now + std::chrono::microseconds(500)) {
    sender.pumping = true;
    network.world_.schedule(sender.sent_until - now, "transmit",
                            [pipe, from] { pump(pipe, from); });
    return false;
  }
  auto frame = std::move(sender.outgoing.front());
  sender.outgoing.pop_front();
  if (sender.urgent > 0) --sender.urgent;
  sender.outgoing_bytes -= frame.size();
  if (sender.was_above && sender.outgoing_bytes < sender.handlers.writable_below) {
    sender.was_above = false;
    if (!sender.alive.expired())
      sender.process->deliver(stdx::Duration::zero(), "writable", [pipe, from] {
        if (pipe->ends[from].handlers.on_writable) pipe->ends[from].handlers.on_writable();
      });
  }
  // Ordered: never before what was sent earlier.
  const auto speed =
      across ? network.faults.bytes_per_second : network.faults.local_bytes_per_second;
  const auto takes = std::chrono::nanoseconds(frame.size() * 1'000'000'000 / speed);
  sender.sent_until = std::max(now, sender.sent_until) + takes;
  auto at = std::max(sender.sent_until + network.latency(sender.zhost, receiver.zhost),
                     receiver.last_arrival);
  receiver.last_arrival = at;
  receiver.process->deliver(at - network.world_.now(), "frame",
                            [pipe, to = 1 - from, frame = std::move(frame)]() mutable {
                              End& end = pipe->ends[to];
                              if (!end.open) return;
                              if (!end.started) {
                                end.arrived.push_back(std::move(frame));
                                return;
                              }
                              // Copied: the handler may destroy the link and so itself.
                              auto handler = end.handlers.on_frame;
                              if (handler) handler(std::move(frame));
                            });
  return !sender.outgoing.empty();
}

class SimLink final : public ports::Link {
 public:
  SimLink(std::shared_ptr<Network::Pipe> pipe, int side) : pipe_(std::move(pipe)), side_(side) {}
  ~SimLink() override {
    auto& end = pipe_->ends[side_];
    end.handlers = {};
    if (!end.open || pipe_->network_alive.expired()) return;
    end.open = false;
    auto& other = pipe_->ends[1 - side_];
    auto& network = pipe_->network;
    const bool across = end.zhost != other.zhost;
    if (!other.open) return;
    // The close follows what was sent before it, and waits (unseen) behind a cut.
    notify_other(pipe_, side_, across, network);
  }

  void start(ports::LinkHandlers handlers) override {
    auto& end = pipe_->ends[side_];
    ASSERT(!end.started, "a link is started once");
    end.handlers = std::move(handlers);
    end.started = true;
    for (auto& frame : end.arrived)
      end.process->deliver(stdx::Duration::zero(), "frame",
                           [pipe = pipe_, side = side_, frame = std::move(frame)]() mutable {
                             auto handler = pipe->ends[side].handlers.on_frame;
                             if (handler) handler(std::move(frame));
                           });
    end.arrived.clear();
    if (!end.open) {
      end.process->deliver(stdx::Duration::zero(), "closed", [pipe = pipe_, side = side_] {
        auto handler = std::exchange(pipe->ends[side].handlers.on_closed, nullptr);
        if (handler) handler({Code::unavailable, "closed by the other side"});
      });
    }
  }

  void send(stdx::Bytes frame, ports::Urgency urgency) override {
    auto& end = pipe_->ends[side_];
    if (!end.open) return;
    if (frame.size() > frame_bytes_max ||
        end.outgoing_bytes + frame.size() > ports::Link::queue_bytes_max) {
      const int side = side_;
      Network::Pipe::close(pipe_, side, {Code::full, "the other side does not read"});
      Network::Pipe::close(pipe_, 1 - side, {Code::unavailable, "closed by the other side"});
      return;
    }
    end.outgoing_bytes += frame.size();
    if (end.outgoing_bytes > end.handlers.writable_below) end.was_above = true;
    if (urgency == ports::Urgency::urgent) {
      end.outgoing.insert(end.outgoing.begin() + static_cast<std::ptrdiff_t>(end.urgent++),
                          std::move(frame));
    } else {
      end.outgoing.push_back(std::move(frame));
    }
    if (!end.pumping) {
      end.pumping = true;
      Network::Pipe::pump(pipe_, side_);
    }
  }
  std::size_t queued_bytes() const override { return pipe_->ends[side_].outgoing_bytes; }
  std::string peer() const override { return pipe_->ends[1 - side_].zhost; }
  ports::Identity identity() const override { return pipe_->ends[1 - side_].identity; }

 private:
  static void notify_other(std::shared_ptr<Network::Pipe> pipe, int side, bool across,
                           Network& network) {
    auto& end = pipe->ends[side];
    auto& other = pipe->ends[1 - side];
    if (!other.open) return;
    if (across && network.is_cut(end.zhost, other.zhost)) {
      network.world_.schedule(
          std::chrono::milliseconds(500), "fin",
          [pipe, side, across, &network] { notify_other(pipe, side, across, network); });
      return;
    }
    const auto at = std::max(network.world_.now() + network.latency(end.zhost, other.zhost),
                             other.last_arrival);
    network.world_.schedule(at - network.world_.now(), "fin", [pipe, side] {
      Network::Pipe::close(pipe, 1 - side, {Code::unavailable, "closed by the other side"});
    });
  }

  std::shared_ptr<Network::Pipe> pipe_;
  int side_;
};

class SimListener final : public ports::Listener {
 public:
  SimListener(Network& network, Network::Key key, std::uint16_t port)
      : network_(network), key_(std::move(key)), port_(port) {}
  ~SimListener() override { network_.bound_.erase(key_); }
  std::uint16_t port() const override { return port_; }

 private:
  Network& network_;
  Network::Key key_;
  std::uint16_t port_;
};

class SimDatagramSocket final : public ports::DatagramSocket {
 public:
  SimDatagramSocket(Network& network, Process& process, Network::Key key, Endpoint self)
      : network_(network), process_(process), key_(std::move(key)), self_(std::move(self)) {}
  ~SimDatagramSocket() override { network_.bound_.erase(key_); }

  void send(const Endpoint& to, stdx::Bytes datagram) override {
    ASSERT(datagram.size() <= datagram_bytes_max, "a datagram fits one packet");
    const auto at = network_.zhost_of_.find(to.host);
    if (at == network_.zhost_of_.end()) return;
    const std::string from = process_.zhost(), zhost = at->second;
    const bool across = from != zhost;
    auto& prng = network_.world_.prng();
    const auto& faults = network_.faults;
    if (across && network_.is_cut(from, zhost)) return;
    if (across && prng.below(1000) < faults.loss_per_mille) return;
    int copies = across && prng.below(1000) < faults.duplicate_per_mille ? 2 : 1;
    while (copies-- > 0) {
      auto delay = network_.latency(from, zhost);
      if (across && prng.below(1000) < faults.reorder_per_mille)
        delay += stdx::Duration(prng.between(0, faults.reorder_max.count()));
      network_.world_.schedule(
          delay, "datagram",
          [&network = network_, key = Network::Key{zhost, "udp:" + std::to_string(to.port)}, to,
           from, self = self_, self_key = key_, datagram] {
            if (auto* target = network.find(key)) {
              target->process->deliver(stdx::Duration::zero(), "datagram",
                                       [&network, key, self, datagram] {
                                         if (auto* t = network.find(key))
                                           if (t->datagram.on_datagram)
                                             t->datagram.on_datagram(self, datagram);
                                       });
            } else if (!network.is_cut(key.first, from)) {
              if (auto* sender = network.find(self_key))
                sender->process->deliver(stdx::Duration::zero(), "refused",
                                         [&network, self_key, to] {
                                           if (auto* s = network.find(self_key))
                                             if (s->datagram.on_refused) s->datagram.on_refused(to);
                                         });
            }
          });
    }
  }

 private:
  Network& network_;
  Process& process_;
  Network::Key key_;
  Endpoint self_;
};

class SimTransport final : public ports::Transport {
 public:
  SimTransport(Network& network, Process& process, std::string ip, const StubIdentity* identity)
      : network_(network), process_(process), ip_(std::move(ip)), identity_(identity) {}

  stdx::Result<std::unique_ptr<ports::Listener>> listen(const Endpoint& at,
                                                        ports::AcceptHandler on_accept) override {
    auto port = at.port;
    if (at.kind != Endpoint::Kind::local && port == 0) port = network_.next_port_++;
    const Network::Key key{process_.zhost(), name(at, port)};
    if (network_.find(key) != nullptr)
      return stdx::fail(Code::already_exists,
                        stdx::format("{} is taken by {}", ports::to_string(at),
                                     network_.bound_.at(key).process->name()));
    network_.bound_[key] = {&process_, process_.alive(), std::move(on_accept), {}, identity_};
    return std::make_unique<SimListener>(network_, key, port);
  }

  void connect(const Endpoint& to, ports::ConnectHandler on_connected) override {
    std::string zhost = process_.zhost();
    if (to.kind != Endpoint::Kind::local) {
      const auto at = network_.zhost_of_.find(to.host);
      zhost = at == network_.zhost_of_.end() ? "" : at->second;
    }
    const Network::Key key{zhost, name(to, to.port)};
    const bool across = zhost != process_.zhost();
    const bool cut = across && (network_.is_cut(process_.zhost(), zhost) ||
                                network_.is_cut(zhost, process_.zhost()) ||
                                network_.is_stalled(process_.zhost(), zhost, process_.name()));
    const auto delay = cut || zhost.empty() ? stdx::Duration(std::chrono::seconds(3))
                                            : network_.latency(process_.zhost(), zhost) * 2;
    auto& network = network_;
    process_.deliver(
        delay, "connect",
        [&network, &process = process_, alive = process_.alive(), key, cut, to, own = identity_,
         on_connected = std::move(on_connected)] {
          auto* target = cut ? nullptr : network.find(key);
          if (target == nullptr) {
            on_connected(stdx::fail(Code::unavailable,
                                    stdx::format("nothing answers at {}", ports::to_string(to))));
            return;
          }
          const auto shaken = Network::handshake(to.kind, {process.zhost(), own},
                                                 {target->process->zhost(), target->identity});
          if (!shaken) {
            on_connected(
                stdx::fail(shaken.error().code,
                           stdx::format("{}: {}", ports::to_string(to), shaken.error().message)));
            return;
          }
          auto pipe = std::make_shared<Network::Pipe>(network);
          pipe->ends[0].identity = shaken->client;
          pipe->ends[1].identity = shaken->server;
          pipe->ends[0].process = &process;
          pipe->ends[0].alive = alive;
          pipe->ends[0].zhost = process.zhost();
          pipe->ends[0].name = process.name();
          pipe->ends[1].process = target->process;
          pipe->ends[1].alive = target->alive;
          pipe->ends[1].zhost = target->process->zhost();
          pipe->ends[1].name = target->process->name();
          // In the backlog: it breaks where the process ends before it accepts.
          target->process->deliver(
              stdx::Duration::zero(), "accept",
              [&network, key, link = std::make_unique<SimLink>(pipe, 1)]() mutable {
                if (auto* t = network.find(key))
                  if (t->on_accept) t->on_accept(std::move(link));
              });
          on_connected(std::make_unique<SimLink>(pipe, 0));
        });
  }

  stdx::Result<std::unique_ptr<ports::DatagramSocket>> bind_datagram(
      const Endpoint& at, ports::DatagramHandlers handlers) override {
    const auto port = at.port != 0 ? at.port : network_.next_port_++;
    const Network::Key key{process_.zhost(), "udp:" + std::to_string(port)};
    if (network_.find(key) != nullptr)
      return stdx::fail(Code::already_exists, stdx::format("udp port {} is taken", port));
    network_.bound_[key] = {&process_, process_.alive(), {}, std::move(handlers)};
    return std::make_unique<SimDatagramSocket>(network_, process_, key, Endpoint::tcp(ip_, port));
  }

 private:
  static std::string name(const Endpoint& at, std::uint16_t port) {
    switch (at.kind) {
      case Endpoint::Kind::local:
        return "unix:" + at.host;
      case Endpoint::Kind::data:
        return "data:" + std::to_string(port);
      default:
        return "tcp:" + std::to_string(port);
    }
  }

  Network& network_;
  Process& process_;
  std::string ip_;
  const StubIdentity* identity_;
};

stdx::Result<Network::Handshaken> Network::handshake(Endpoint::Kind kind, const Side& client,
                                                     const Side& server) {
  using Role = ports::CertificateRole;
  if (kind == Endpoint::Kind::local) return Handshaken{};
  const bool to_control_plane = kind == Endpoint::Kind::websocket || kind == Endpoint::Kind::https;
  const auto peer = kind == Endpoint::Kind::data ? Role::data : Role::zhost;
  const auto of_server = to_control_plane ? Role::control_plane : peer;
  Handshaken made{{"", peer, client.zhost}, {"", of_server, to_control_plane ? "" : server.zhost}};
  if (client.identity == nullptr || server.identity == nullptr) return made;
  TRY_ASSIGN(made.server, client.identity->accept(*server.identity, {{of_server}, true}));
  StubIdentity::Wanted wanted{{peer}, !to_control_plane};
  if (to_control_plane) wanted.roles.push_back(Role::operator_role);
  TRY_ASSIGN(made.client, server.identity->accept(*client.identity, wanted));
  return made;
}

stdx::Duration Network::latency(const std::string& from, const std::string& to) {
  if (from == to) return std::chrono::microseconds(20);
  return stdx::Duration(
      world_.prng().between(faults.latency_min.count(), faults.latency_max.count()));
}

Network::Bound* Network::find(const Key& key) {
  const auto at = bound_.find(key);
  if (at == bound_.end() || at->second.alive.expired()) return nullptr;
  return &at->second;
}

std::unique_ptr<ports::Transport> Network::transport(Process& process, std::string ip,
                                                     const StubIdentity* identity) {
  return std::make_unique<SimTransport>(*this, process, std::move(ip), identity);
}

}  // namespace simkit
