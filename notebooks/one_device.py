# %% [markdown]
# # What is usual for one device, and which of its backups were not?
#
# Reads the tables of a lake without Spark; nothing is written. The lake is the demo's unless `UDA_LAKE` names
# another, the device that of the newest anomaly unless you name another below.

# %%
import os

import matplotlib.pyplot as plt
import pandas as pd

from jobs.report.reading import rows_of
from jobs.tables import ANOMALIES, FEATURES, SCORES

LAKE = os.environ.get("UDA_LAKE", ".demo/lake")
anomalies = pd.DataFrame(rows_of(LAKE, ANOMALIES))  # the newest first
DEVICE = anomalies.device_id[0]
DEVICE

# %% [markdown]
# ## What changed from backup to backup

# %%
of_device = [("device_id", "=", DEVICE)]
features = pd.DataFrame(rows_of(LAKE, FEATURES, filters=of_device))
figures = ["files_added", "files_updated", "files_deleted", "bytes_uploaded"]
features[figures].describe(percentiles=[0.05, 0.5, 0.95]).round()

# %%
axes = features.head(90).plot(x="ended_at", y=figures, subplots=True, figsize=(10, 8), marker=".", linewidth=0.8)
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
scores = pd.DataFrame(rows_of(LAKE, SCORES, filters=of_device))
scores[["ended_at", "backup_id", "anomaly_score", "threshold", "anomaly_kind", "model_version"]].head(10)

# %% [markdown]
# ## What spoke for it, and what to restore

# %%
newest = anomalies[anomalies.device_id == DEVICE].iloc[0]
print(newest.reason)
print("restore", newest.last_good_backup_id, "of", newest.last_good_at)
sorted(newest.evidence.items(), key=lambda signal: -signal[1])
