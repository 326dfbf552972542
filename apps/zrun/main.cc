// SPDX-License-Identifier: Apache-2.0
// zrun -config FILE.yaml: runs spaces.
#include "adapters/blob_files/blob_files.h"
#include "adapters/data_sqlite/data_store.h"
#include "adapters/log_files/log_files.h"
#include "adapters/machine/sensors.h"
#include "adapters/posix/limits.h"
#include "adapters/wasmtime/engine.h"
#include "common/app.h"
#include "mex/reader.h"
#include "zrun/http_api.h"
#include "zrun/service.h"
#include "zrun/space_metrics.h"

int main(int argc, char** argv) {
  const auto config = app::load_config(argc, argv, "zrun");
  app::App app("zrun", config);
  adapters::wasmtime::Compiler::Options compiler;
  compiler.program = app::program_folder() + "/zrun-compile";
  compiler.folder = config.state_dir + "/modules";
  compiler.memory_bytes = config.compile_memory_bytes;
  compiler.time = config.compile_time;
  adapters::wasmtime::WasmtimeEngine engine(app.loop(), {.compiler = compiler},
                                            app.refused_by("compiler"));
  auto& metrics = app.runtime().metrics;
  adapters::data_sqlite::SqliteDataStore data(
      app.loop(),
      {.folder = config.state_dir + "/data",
       .open_max = adapters::posix::stores_open_max(app.descriptor_limit()),
       .disk_reserve_bytes = config.disk_reserve_bytes},
      {.refused = app.refused_by("data"),
       .open = &metrics.gauge("samoza_zrun_stores_open", "Files of DATA spaces that are open now"),
       .no_space = &metrics.counter("samoza_zrun_data_without_room_total",
                                    "Commits refused because the disk or the space's bound of "
                                    "stored bytes had no room")});
  adapters::blob_files::BlobFiles blobs(app.loop(), config.state_dir + "/blobs",
                                        app.refused_by("blobs"));
  mex::Reader packages(app.loop(),
                       {.accept_unsigned = config.trust_policy == "dev",
                        .trusted_keys = {config.trust_keys.begin(), config.trust_keys.end()}},
                       app.refused_by("packages"));
  adapters::machine::MachineSensors sensors(app.loop());

  adapters::log_files::LogFiles logs(
      app.loop(),
      {.folder = config.state_dir + "/logs", .disk_reserve_bytes = config.disk_reserve_bytes},
      metrics.counter("samoza_zrun_log_lines_unwritten_total",
                      "Log lines of spaces that the disk, or the queue to it, did not take"));

  zrun::Options options;
  options.cluster_id = config.cluster_id;
  options.zhost = config.zhost_id;
  options.version = app::version;
  options.incarnation = app.incarnation();
  options.pid = app.pid();
  options.ip = config.bind;
  options.peer_port = config.peer_port;
  options.spaces_max = config.spaces_max;
  // Not from `bind`: a collector may be on another machine.
  adapters::net::NetHttpClient traces(app.loop(), "");
  if (!config.tracing.host.empty()) {
    options.traces = {ports::Endpoint::tcp(config.tracing.host, config.tracing.port),
                      config.tracing.path};
    options.trace_ratio = config.tracing.ratio;
  }
  zrun::Service service(app.runtime(),
                        {app.transport(), app.security().links, engine, data, blobs, packages,
                         sensors, &logs, &traces},
                        options);
  zrun::HttpApi http(app.runtime(), service);
  service.on_stop = [&] { app.stop(); };
  service.on_revoked = [&](const auto& tokens) { app.learn_revoked(tokens); };
  if (auto started = service.start(); !started) app::die("zrun", started.error().message);
  app.serve(http, config.zrun_port,
            {.more_metrics = [&service] { return zrun::space_metrics(service.spaces().list()); }});
  // A service manager may signal every process of a zhost at once: the spaces close all the same.
  return app.run_loop([&] { service.close_all(); });
}
