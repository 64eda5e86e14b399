using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace OpsConsole.Core.Fleet.Versions.Migrations;

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(FleetDb))]
public sealed class FleetDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
