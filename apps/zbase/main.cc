// SPDX-License-Identifier: Apache-2.0
// zbase -config FILE.yaml: what runs on this zhost.
#include "adapters/copy_files/copy_files.h"
#include "adapters/posix/files.h"
#include "common/app.h"
#include "stdx/text.h"
#include "zbase/service.h"

namespace {

// To ask the control plane of this zhost for its numbers: it is known by the authority, which it
// makes when it starts for the first time.
void trust_authority(app::App& app, ports::Timer& look) {
  const auto& config = app.config();
  const auto authority =
      adapters::posix::read_file(config.control_plane_service.authority + "/ca.crt", 16u << 10);
  if (authority && app.security().links.use({}, {config.cluster_id, {*authority}, {}})) return;
  look.set(std::chrono::seconds(1), [&app, &look] { trust_authority(app, look); });
}

}  // namespace

int main(int argc, char** argv) {
  const auto config = app::load_config(argc, argv, "zbase");
  app::App app("zbase", config);
  zbase::Options options;
  options.zhost = config.zhost_id;
  options.version = app::version;
  options.pid = app.pid();
  const auto at = [&](std::uint16_t port) {
    return "http://" + config.bind + ":" + std::to_string(port);
  };
  options.urls = {{"zmesh", at(config.zmesh_port)},
                  {"zrms", at(config.zrms_port)},
                  {"zrun", at(config.zrun_port)},
                  {"zbase", at(config.zbase_port)}};
  if (config.control_plane_service.enabled)
    options.urls["zmesh-controlplane"] =
        stdx::format("https://{}:{}", config.bind, config.control_plane_service.port);
  options.http = &app.http();
  const auto on = [&](std::uint16_t port) { return ports::Endpoint::tcp(config.bind, port); };
  options.endpoints = {{"zmesh", on(config.zmesh_port)},
                       {"zrms", on(config.zrms_port)},
                       {"zrun", on(config.zrun_port)},
                       {"zbase", on(config.zbase_port)}};
  if (config.control_plane_service.enabled)
    options.endpoints["controlplane"] =
        ports::Endpoint::https(config.bind, config.control_plane_service.port);
  adapters::copy_files::CopyFiles copies(app.loop(),
                                         {.folder = config.state_dir + "/copies",
                                          .kept = config.copies_kept,
                                          .bytes_max = config.copies_bytes,
                                          .disk_reserve_bytes = config.disk_reserve_bytes},
                                         app.refused_by("copies"));
  zbase::Service service(app.runtime(), app.transport(), copies, options);
  service.on_stop = [&] { app.stop(); };
  service.on_revoked = [&](const auto& tokens) { app.learn_revoked(tokens); };
  service.start();
  ports::Timer look(app.loop());
  if (config.control_plane_service.enabled) trust_authority(app, look);
  app.serve(service, config.zbase_port);
  return app.run_loop();
}
