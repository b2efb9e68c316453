"""Who could be shown: the sources that propose and the filters that remove."""
