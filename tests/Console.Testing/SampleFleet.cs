using System.Text.Json.Nodes;

namespace OpsConsole.Testing;

/// <summary>A small valid fleet as JSON (section <c>Fleet</c> and two connection strings), for tests to bend.</summary>
public static class SampleFleet
{
    public static JsonObject Json() => JsonNode.Parse("""
        {
          "ConnectionStrings": {
            "Owner": "Host=127.0.0.1;Port=1;Database=console;Username=owner;Password=owner-password",
            "Console": "Host=127.0.0.1;Port=1;Database=console;Username=app;Password=app-password"
          },
          "Fleet": {
            "Name": "orders",
            "Environment": "development",
            "ProbeIntervalSeconds": 1,
            "Regions": [
              { "Id": "us-east-1", "Name": "Virginia", "CloudRegion": "us-east-1", "Role": "primary", "Priority": 1, "CapacityRps": 500, "ComplianceZones": ["US"], "LatencyEndpoint": "http://127.0.0.1:8101/health", "Latitude": 38.9, "Longitude": -77.4 },
              { "Id": "us-west-2", "Name": "Oregon", "CloudRegion": "us-west-2", "Role": "secondary", "Priority": 2, "CapacityRps": 500, "ComplianceZones": ["US"], "LatencyEndpoint": "http://127.0.0.1:8102/health" },
              { "Id": "eu-west-1", "Name": "Ireland", "CloudRegion": "eu-west-1", "Role": "tertiary", "Priority": 3, "CapacityRps": 300, "ComplianceZones": ["EU", "GDPR"] }
            ],
            "Services": [
              { "Id": "us-east-1-db", "Region": "us-east-1", "Kind": "database", "Tier": "critical", "Probes": [ { "Kind": "postgres", "Target": "127.0.0.1:5501", "Username": "opsconsole", "Password": "probe-password" } ] },
              { "Id": "us-west-2-db", "Region": "us-west-2", "Kind": "database", "Tier": "critical", "Probes": [ { "Kind": "tcp", "Target": "127.0.0.1:5502" } ] },
              { "Id": "eu-west-1-db", "Region": "eu-west-1", "Kind": "database", "Tier": "critical", "Probes": [ { "Kind": "tcp", "Target": "127.0.0.1:5503" } ] },
              { "Id": "us-east-1-cache", "Region": "us-east-1", "Kind": "cache", "Tier": "medium", "Probes": [ { "Kind": "redis", "Target": "127.0.0.1:6379" } ] },
              { "Id": "us-east-1-orders", "Region": "us-east-1", "Kind": "api", "Tier": "high", "DependsOn": ["us-east-1-db", "us-east-1-cache"],
                "Nodes": [ { "Id": "a", "Address": "127.0.0.1:8001" }, { "Id": "b", "Address": "127.0.0.1:8002" } ],
                "MetricsUrl": "http://127.0.0.1:8001/metrics", "BusinessMetrics": { "Orders": "orders_total" },
                "Probes": [ { "Kind": "http", "Target": "http://127.0.0.1:8001/health", "Node": "a", "IntervalSeconds": 1, "TimeoutSeconds": 1 } ] }
            ],
            "Clusters": [
              { "Id": "orders", "Tier": "critical", "Driver": "postgres", "PrimaryRegion": "us-east-1", "Database": "orders", "Username": "opsconsole", "Password": "cluster-password",
                "WriteEndpoint": "127.0.0.1:6432", "SynchronousStandbys": 1,
                "Nodes": [
                  { "Region": "us-east-1", "Service": "us-east-1-db", "Address": "127.0.0.1:5501", "ApplicationName": "us_east_1" },
                  { "Region": "us-west-2", "Service": "us-west-2-db", "Address": "127.0.0.1:5502", "ApplicationName": "us_west_2" },
                  { "Region": "eu-west-1", "Service": "eu-west-1-db", "Address": "127.0.0.1:5503", "ApplicationName": "eu_west_1" }
                ] }
            ],
            "Links": [
              { "Cluster": "orders", "Source": "us-east-1", "Target": "us-west-2", "Address": "127.0.0.1:5601" },
              { "Cluster": "orders", "Source": "us-east-1", "Target": "eu-west-1", "Address": "127.0.0.1:5602" },
              { "Cluster": "orders", "Source": "us-west-2", "Target": "us-east-1", "Address": "127.0.0.1:5603" },
              { "Cluster": "orders", "Source": "us-west-2", "Target": "eu-west-1", "Address": "127.0.0.1:5604" },
              { "Cluster": "orders", "Source": "eu-west-1", "Target": "us-east-1", "Address": "127.0.0.1:5605" },
              { "Cluster": "orders", "Source": "eu-west-1", "Target": "us-west-2", "Address": "127.0.0.1:5606" }
            ],
            "TrafficManagers": [
              { "Id": "haproxy", "Kind": "haProxy", "Address": "127.0.0.1:9999", "HttpBackend": "orders_http", "WriteBackend": "orders_write", "Servers": { "us-east-1": "us-east-1", "us-west-2": "us-west-2", "eu-west-1": "eu-west-1" } },
              { "Id": "pgbouncer", "Kind": "pgBouncer", "Address": "127.0.0.1:6433", "Username": "admin", "Password": "pgbouncer-password", "Databases": { "orders": "orders" } }
            ],
            "BackupRepositories": [ { "Id": "store", "Region": "us-west-2", "Kind": "s3", "Endpoint": "http://127.0.0.1:9000", "Bucket": "backups", "AccessKey": "access", "SecretKey": "secret-key" } ],
            "Contacts": [ { "Role": "onCall", "Name": "On call", "Phone": "+1 555 0100", "Email": "oncall@example.com" } ]
          }
        }
        """)!.AsObject();
}
