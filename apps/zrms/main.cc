// SPDX-License-Identifier: Apache-2.0
// zrms -config FILE.yaml: where things run, and noticing when they don't.
#include "adapters/blob_files/blob_files.h"
#include "adapters/machine/resources.h"
#include "common/app.h"
#include "mex/reader.h"
#include "zrms/service.h"

int main(int argc, char** argv) {
  const auto config = app::load_config(argc, argv, "zrms");
  app::App app("zrms", config);
  mex::Reader packages(app.loop(),
                       {.accept_unsigned = config.trust_policy == "dev",
                        .trusted_keys = {config.trust_keys.begin(), config.trust_keys.end()}},
                       app.refused_by("packages"));
  adapters::blob_files::BlobFiles blobs(app.loop(), config.state_dir + "/blobs",
                                        app.refused_by("blobs"));
  adapters::machine::ProcResources resources(app.loop(), config.state_dir);

  zrms::Options options;
  options.cluster_id = config.cluster_id;
  options.zhost = config.zhost_id;
  options.version = app::version;
  options.incarnation = app.incarnation();
  options.run = app.run();
  options.pid = app.pid();
  options.report_interval = config.report_interval;
  options.check_interval = config.check_interval;
  if (config.beat_interval <= stdx::Duration::zero()) options.probe_after = {};
  options.detection.suspect_after = config.suspect_after;
  options.detection.timeout = config.failure_timeout;
  options.key = &app.cluster_key();
  zrms::Service service(app.runtime(), app.transport(), packages, blobs, resources, options);
  service.on_stop = [&] { app.stop(); };
  service.set_on_revoked([&](const auto& tokens) { app.learn_revoked(tokens); });
  service.start();
  app.serve(service, config.zrms_port,
            {.upload_routes = {"POST /v1/topologies", "POST /v1/topologies/standalone",
                               "POST /v1/blobs"}});
  return app.run_loop();
}
