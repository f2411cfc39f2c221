"""Results as JSON documents, and the strict reader of such documents."""
