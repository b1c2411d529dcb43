# %% [markdown]
# # What is usual for one device, and which of its backups were not?
#
# Reads the tables of a lake with delta-rs: no Spark, nothing is written. The lake is the demo's unless `UDA_LAKE` names
# another, the device that of the newest anomaly unless you name another below.

# %%
import os

import matplotlib.pyplot as plt
from deltalake import DeltaTable

LAKE = os.environ.get("UDA_LAKE", ".demo/lake")
anomalies = DeltaTable(f"{LAKE}/anomalies").to_pandas().sort_values("ended_at")
DEVICE = anomalies.device_id.iloc[-1]
DEVICE

# %% [markdown]
# ## What changed from backup to backup

# %%
of_device = [("device_id", "=", DEVICE)]
features = DeltaTable(f"{LAKE}/features").to_pandas(filters=of_device).sort_values("ended_at")
figures = ["files_added", "files_updated", "files_deleted", "bytes_uploaded"]
features[figures].describe(percentiles=[0.05, 0.5, 0.95]).round()

# %%
axes = features.tail(90).plot(x="ended_at", y=figures, subplots=True, figsize=(10, 8), marker=".", linewidth=0.8)
for axis in axes:
    axis.set_yscale("symlog")  # 0 must be seen, and so must a value a thousand times the usual one
    for at in anomalies.ended_at[anomalies.device_id == DEVICE]:
        axis.axvline(at, color="red", alpha=0.4)
plt.suptitle(f"{DEVICE}: its newest 90 backups; unusual ones are red")
plt.show()

# %% [markdown]
# ## How unusual each backup was
#
# A score of 0 is what a clean device reaches about once a year, 1 once in ten years.

# %%
scores = DeltaTable(f"{LAKE}/scores").to_pandas(filters=of_device).sort_values("ended_at")
scores[["ended_at", "backup_id", "anomaly_score", "threshold", "anomaly_kind", "model_version"]].tail(10)

# %% [markdown]
# ## What spoke for it, and what to restore

# %%
newest = anomalies[anomalies.device_id == DEVICE].iloc[-1]
print(newest.reason)
print("restore", newest.last_good_backup_id, "of", newest.last_good_at)
sorted(newest.evidence, key=lambda signal: -signal[1])
