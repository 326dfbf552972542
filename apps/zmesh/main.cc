// SPDX-License-Identifier: Apache-2.0
// zmesh -config FILE.yaml: the transport of a zhost.
#include <unistd.h>

#include <algorithm>

#include "adapters/posix/cgroup.h"
#include "common/app.h"
#include "credentials_file.h"
#include "zmesh/http_api.h"
#include "zmesh/service.h"

int main(int argc, char** argv) {
  const auto config = app::load_config(argc, argv, "zmesh");
  app::App app("zmesh", config, /*hand_data_links_to=*/"zrun.data");

  zmesh::Options options;
  options.cluster_id = config.cluster_id;
  options.control_plane = {ports::Endpoint::Kind::websocket, config.control_plane.host,
                           config.control_plane.port, config.control_plane.path};
  options.version = app::version;
  options.pid = app.pid();
  auto& self = options.self;
  self.set_zhost_id(config.zhost_id);
  self.set_incarnation(app.incarnation());
  self.set_address(config.advertise.front());
  for (std::size_t i = 1; i < config.advertise.size(); ++i)
    self.add_more_addresses(config.advertise[i]);
  options.listen = config.outside_bind;
  options.http_ip = config.bind;
  self.set_port(config.peer_port);
  self.set_region(config.region);
  for (const auto& [name, value] : config.labels) {
    auto* label = self.add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  for (const auto& device : config.devices) self.add_devices(device);
  const auto memory = adapters::posix::memory_total_bytes();
  self.set_memory_bytes(config.memory_bytes != 0 ? std::min(config.memory_bytes, memory) : memory);
  self.set_cpu_cores(static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)));
  self.set_version(app::version);
  self.set_spaces_max(static_cast<std::uint32_t>(config.spaces_max));

  zmesh_app::CredentialsFile credentials(app);
  options.kept_credentials = credentials.read();
  options.keep_credentials = [&](const auto& kept) { credentials.keep(kept); };
  options.kept_keys = credentials.read_keys();
  options.keep_keys = [&](const auto& kept) { credentials.keep(kept); };
  options.revoked = app.revoked();
  options.join_token = [&config] { return app::read_join_token(config); };

  zmesh::Service service(app.runtime(), app.transport(), app.http(), app.asking_http(),
                         app.security(), options);
  zmesh::HttpApi http(app.runtime(), service, config.zmesh_port,
                      {.key = &app.cluster_key(), .revoked = &app.revoked()});
  service.on_stop = [&] { app.stop(); };
  service.on_revoked = [&](const auto& tokens) { app.learn_revoked(tokens); };
  if (auto started = service.start(); !started) app::die("zmesh", started.error().message);
  adapters::net::HttpServer::Options server;
  server.door = [&http](const ports::HttpRequest& head) { return http.door(head); };
  server.refuse_websocket = [&http](const auto& head) { return http.refuse_websocket(head); };
  app.serve(http, config.zmesh_port, std::move(server));
  return app.run_loop();
}
