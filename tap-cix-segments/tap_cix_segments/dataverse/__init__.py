"""The source `dataverse`: the live tables of Customer Insights - Data, over the Dataverse Web API."""
