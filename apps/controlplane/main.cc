// SPDX-License-Identifier: Apache-2.0
// zmesh-controlplane -config FILE.yaml: the registry of a cluster.
#include <filesystem>

#include "adapters/store_memory/memory_store.h"
#include "adapters/store_postgres/postgres_store.h"
#include "adapters/store_sqlite/sqlite_store.h"
#include "authority.h"
#include "common/app.h"
#include "controlplane/service.h"
#include "rpc/service_bus.h"

int main(int argc, char** argv) {
  const auto config = app::load_config(argc, argv, "zmesh-controlplane");
  const auto& wanted = config.control_plane_service;
  const auto authority = controlplane_app::load_authority(config);
  app::App app("zmesh-controlplane", config);

  adapters::store_memory::Database database;
  std::unique_ptr<ports::Store> store;
  if (wanted.store == "memory") {
    store = std::make_unique<adapters::store_memory::MemoryStore>(
        app.loop(), database, std::chrono::milliseconds(1), adapters::store_sqlite::copy_with);
  } else if (wanted.store == "sqlite") {
    auto opened = adapters::store_sqlite::SqliteStore::open(app.loop(), wanted.sqlite,
                                                            app.refused_by("sqlite"));
    if (!opened) app::die("zmesh-controlplane", opened.error().message);
    store = std::move(*opened);
  } else {
    // A database that is away now is looked for again with each call.
    store = std::make_unique<adapters::store_postgres::PostgresStore>(app.loop(), wanted.postgres,
                                                                      app.refused_by("postgres"));
  }

  controlplane::Options options;
  options.cluster_id = config.cluster_id;
  options.version = app::version;
  options.store_name = wanted.store;
  if (wanted.store == "sqlite")
    options.copies_folder = std::filesystem::absolute(wanted.sqlite).parent_path().string();
  // A PostgreSQL database has tools of its own for that.
  if (wanted.store != "postgres")
    options.copies = {.interval = wanted.copies_interval,
                      .zhosts = wanted.copies_zhosts,
                      .own_zhost = config.zhost_id};
  options.authority = authority;
  // startz starts this process again; the answer has to leave first.
  ports::Timer restart(app.loop());
  options.start_anew = [&] { restart.set(std::chrono::milliseconds(200), [&] { app.stop(); }); };
  controlplane::Service service(app.runtime(), app.transport(), *store, app.security(), options);
  service.on_revoked = [&](const auto& tokens) { app.learn_revoked(tokens); };
  if (auto started = service.start(); !started)
    app::die("zmesh-controlplane", started.error().message);
  app.serve(service, wanted.port,
            {.identity = &app.identity(),
             .binary_sockets = {"/", "/ws"},
             .join_paths = {"/", "/ws", "/v1/register", "/v1/certificates"},
             .refuse_websocket = [&service](const auto& head) {
               return service.refuse_websocket(head);
             }});

  // startz watches it like the others.
  samoza::v1::Hello hello;
  hello.set_service("zmesh-controlplane");
  hello.set_zhost(config.zhost_id);
  hello.set_pid(app.pid());
  rpc::ServiceBus startz(app.runtime(), app.transport(), {"startz", hello});
  startz.on("service.stop", [&](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
    app.stop();
  });
  startz.on("service.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  startz.start();
  return app.run_loop();
}
