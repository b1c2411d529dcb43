"""What people see of the tables: report page and terminal listings."""
