using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace OpsConsole.Core.Audit.Migrations;

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(AuditDb))]
public sealed class AuditDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
